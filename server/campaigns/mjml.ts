import { blankComments } from './comments.js';
import { compileApart } from './compile.js';
import { refuseTemplate } from './problem.js';

/**
 * MJML as HTML, compiled apart (T11). Throws `template-refused` with the lines of all mistakes.
 */
export async function compileMjml(source: string): Promise<string> {
  refuseIncludes(source);
  const answer = await compileApart({ kind: 'mjml', source });
  if ('failed' in answer) throw refuseTemplate([{ line: null, reason: 'mjml-broken', message: answer.failed }]);
  if (answer.problems.length > 0) {
    throw refuseTemplate(answer.problems.map((problem) => ({ ...problem, reason: 'mjml' as const })));
  }
  return answer.html;
}

// Included files would be files of this machine. The compiler ignores the element; saying so beats a mail with a gap.
function refuseIncludes(source: string): void {
  const text = blankComments(source);
  const found = [...text.matchAll(/<mj-include\b/gi)].slice(0, 20);
  if (found.length === 0) return;
  throw refuseTemplate(
    found.map(({ index }) => ({
      line: text.slice(0, index).split('\n').length,
      reason: 'include' as const,
      message: 'mj-include is not read: put what it includes into the file itself.',
    })),
  );
}

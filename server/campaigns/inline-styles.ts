import { compileApart } from './compile.js';
import { refuseTemplate } from './problem.js';

/**
 * A page whose style sheets stand in its elements as well, as mail programs need that drop sheets. Nothing is fetched. What a media query says still wins over it.
 * Throws `template-refused`.
 */
export async function inlineStyles(html: string): Promise<string> {
  if (!/<style\b/i.test(html)) return html;
  const answer = await compileApart({ kind: 'styles', source: html });
  if ('failed' in answer) {
    const message = `The style sheets of the file cannot be read: ${answer.failed}`;
    throw refuseTemplate([{ line: null, reason: 'style-broken', message }]);
  }
  return answer.html;
}

import type { Becomes, ForeignTag } from './becomes.js';
import { refuseTemplate } from './problem.js';
import { resolveTags, unmark } from './resolve-tags.js';

const MAX_SUBJECT = 200;

/** A subject as it may stand in a header. Throws `template-refused`. */
export function checkSubject(subject: string): string {
  const refuse = (reason: 'subject-missing' | 'subject-long' | 'subject-controls', message: string) =>
    refuseTemplate([{ line: null, reason, message }]);
  if (subject === '') throw refuse('subject-missing', 'There is no subject: give one, or put a title into the file.');
  if (/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0\ufdd1]/u.test(subject)) {
    throw refuse('subject-controls', 'The subject contains a line break or another control character.');
  }
  if (subject.length > MAX_SUBJECT)
    throw refuse('subject-long', `The subject is longer than ${MAX_SUBJECT} characters.`);
  return subject;
}

/** A subject with its tags as they are kept. Throws `template-refused`. */
export function renderSubject(
  given: string,
  mapping: ReadonlyMap<string, Becomes>,
): { readonly subject: string; readonly foreign: readonly ForeignTag[] } {
  const { marked, marks, foreign, problems } = resolveTags(given, mapping);
  if (problems.length > 0) throw refuseTemplate(problems.map((problem) => ({ ...problem, line: null })));
  return { subject: unmark(marked, marks), foreign: foreign.map((tag) => ({ ...tag, lines: [] })) };
}

import { finding, type Finding } from './lint-finding.js';
import type { Preheader } from './lint-preheader.js';

/** So many letters of a subject does a phone show. */
const PHONE = 50;

/** What a subject promises in the inbox. */
export function lintSubject(subject: string): Finding[] {
  const letters = subject.replace(/[^\p{L}]/gu, '');
  const seen = lettersOf(subject);
  const length = seen.length;
  const marks = subject.match(/[!！]/g)?.length ?? 0;
  if (subject.trim() === '') return [finding('subject-empty', 'stop')];
  const found = [
    ...(isShouted(letters) ? [finding('subject-shouted', 'look')] : []),
    ...(length > PHONE
      ? [finding('subject-long', 'look', { count: length, detail: `${seen.slice(0, PHONE).join('')}…` })]
      : []),
    ...(marks > 1 ? [finding('subject-marks', 'look', { count: marks })] : []),
    ...(/^\s*(?:re|fwd?|odp|aw|wg)\s*:/i.test(subject) ? [finding('subject-reply', 'look')] : []),
  ];
  return found.length > 0 ? found : [finding('subject-good', 'good', { count: length })];
}

/** As a reader counts them: a flag or a family is one. */
function lettersOf(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

/** The words beside the subject in the inbox. */
export function lintPreheader(subject: string, { text, isOwn }: Preheader): Finding[] {
  if (text === '') return [finding('preheader-empty', 'look')];
  if (sameWords(text, subject)) return [finding('preheader-same', 'look')];
  return isOwn
    ? [finding('preheader-good', 'good', { detail: text })]
    : [finding('preheader-missing', 'look', { detail: text })];
}

function isShouted(letters: string): boolean {
  const upper = letters.replace(/[^\p{Lu}]/gu, '').length;
  return letters.length >= 5 && upper / letters.length > 0.8;
}

function sameWords(one: string, other: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  return plain(one) === plain(other) || (plain(other).length > 8 && plain(one).startsWith(plain(other)));
}

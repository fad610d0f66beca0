import { CLIPPED_BYTES } from '../mail/clipping.js';
import { finding, type Finding } from './lint-finding.js';

/** From here on Gmail hides HTML for certain, footer included (F-20). */
const CUT_BYTES = 102_000;

/** How much of a mail is shown, and how long it takes. Bytes of the HTML with its footer, in kB on the page. */
export function lintSize(htmlBytes: number): Finding[] {
  const count = Math.round(htmlBytes / 1000);
  if (htmlBytes >= CUT_BYTES) return [finding('size-clipped', 'look', { count })];
  if (htmlBytes >= CLIPPED_BYTES) return [finding('size-near', 'look', { count })];
  return [finding('size-good', 'good', { count })];
}

/** The text part, before its footer, beside what the HTML says. */
export function lintText(text: string, htmlWords: number): Finding[] {
  const count = countWords(text);
  if (count === 0) return [finding('text-empty', 'look')];
  if (htmlWords > 40 && count < htmlWords / 4) return [finding('text-short', 'look', { count })];
  return [finding('text-good', 'good', { count })];
}

/** Words as a reader counts them; addresses are none. */
export function countWords(text: string): number {
  return text.replace(/https?:\/\/\S+|\{\{\w+\}\}/g, ' ').match(/[\p{L}\p{N}][\p{L}\p{N}'’-]*/gu)?.length ?? 0;
}

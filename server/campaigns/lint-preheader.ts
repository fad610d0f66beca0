import { parse } from 'parse5';
import { whyHidden } from '../mail/hidden.js';
import { chainOf, nodesOf } from '../mail/nodes.js';
import { isUnconditional, sheetsOf } from '../mail/sheets.js';

/** The words that mail programs show beside the subject. */
export interface Preheader {
  /** '' when the mail begins with none. */
  readonly text: string;
  /** Was it put there for that, hidden in the mail itself? */
  readonly isOwn: boolean;
}

/** So much of it is shown at most. */
const SHOWN = 110;

/** Elements whose words are no part of the mail. */
export const UNREAD = new Set(['head', 'style', 'script', 'title', 'template', 'noscript']);
/** What is put behind a preheader, so that nothing of the mail follows it: blanks that take no room. */
export const FILLER = /\u034f|[\u00ad\u061c\u180e\u200b-\u200f\u2007\u2060\ufeff]/g;

/** Finds it as mail programs do: the first words of the HTML, seen or not. */
export function preheaderOf(html: string): Preheader {
  const document = parse(html);
  const sheets = sheetsOf(document, isUnconditional);
  let text = '';
  let isOwn: boolean | null = null;
  for (const node of nodesOf(document)) {
    if (node.nodeName !== '#text' || !('value' in node)) continue;
    const words = node.value.replace(FILLER, '').replace(/\s+/g, ' ');
    if (words.trim() === '') continue;
    const chain = chainOf(node);
    if (chain.some(({ tagName }) => UNREAD.has(tagName))) continue;
    const isHidden = whyHidden(chain, sheets) !== null;
    // Its end is where the mail itself begins.
    if (isOwn === true && !isHidden) break;
    isOwn ??= isHidden;
    text += ` ${words}`;
    if (text.length > SHOWN) break;
  }
  const whole = text.replace(/\s+/g, ' ').trim();
  return { text: whole.length > SHOWN ? `${whole.slice(0, SHOWN - 1)}…` : whole, isOwn: isOwn === true };
}

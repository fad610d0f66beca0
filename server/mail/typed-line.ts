import type { DefaultTreeAdapterTypes } from 'parse5';
import { htmlToText } from './html-to-text.js';
import { attributeOf } from './nodes.js';
import type { ReadMail } from './read-mail.js';

/**
 * The first line that the writer of an answer typed: not empty, not quoted, and not the "On Monday she wrote:" that a mail program puts before a quote. Of the
 * text part; of a mail without one, what its HTML shows. Empty when there is nothing but quotes.
 */
export function firstTypedLine({ text, html }: Pick<ReadMail, 'text' | 'html'>): string {
  const lines = (text.trim() === '' ? htmlToText(html, isQuoteElement) : text).split(/\r?\n|\r/).map(tidy);
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line === '' || isQuoted(line)) continue;
    const introduced = quoteAfter(lines, at);
    if (introduced === null) return line;
    at = introduced;
  }
  return '';
}

/** Is this line that one word, whatever its case and the full stop after it? */
export function isOneWord(line: string, word: string): boolean {
  const plain = (value: string) => tidy(value).normalize('NFC').toLowerCase();
  return plain(line).replace(/[\s.,;:!?\u2026]+$/, '') === plain(word);
}

// Mail programs put marks of direction and blanks of no width around what is typed.
function tidy(line: string): string {
  return line.replace(/\p{Cf}/gu, '').trim();
}

function isQuoted(line: string): boolean {
  return /^[\p{L}]{0,3}[>|]/u.test(line);
}

/** Most lines that "On Monday, 2 March at 10:00 Ada <ada@example.org> wrote:" is wrapped into. */
const INTRODUCTION = 3;

/**
 * Where the quote begins that these lines introduce; null when they introduce none. An introduction ends in a colon right before the quote, and names a day or
 * an address: a sentence that somebody typed before a quote rarely does.
 */
function quoteAfter(lines: readonly string[], at: number): number | null {
  let end = at;
  while (end < lines.length && lines[end] !== '' && !isQuoted(lines[end] ?? '')) end += 1;
  const introduction = lines.slice(at, end);
  const quote = lines[end] === '' ? end + 1 : end;
  const isIntroduction = introduction.at(-1)?.endsWith(':') === true && /[\d@]/.test(introduction.join(' '));
  return isQuoted(lines[quote] ?? '') && introduction.length <= INTRODUCTION && isIntroduction ? quote : null;
}

const QUOTE_CLASSES = /(?:^|\s)(?:gmail_quote|gmail_quote_container|gmail_attr|yahoo_quoted|moz-cite-prefix)(?:\s|$)/;

function isQuoteElement(element: DefaultTreeAdapterTypes.Element): boolean {
  return element.tagName === 'blockquote' || QUOTE_CLASSES.test(attributeOf(element, 'class') ?? '');
}

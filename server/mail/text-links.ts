import { hasHole } from './hole.js';

/** An address in a plain text goes on to a blank, a bracket or a quote; one that stands in `<>` to its end (RFC 3986, appendix C). */
const ADDRESS = /https?:\/\/[^\s<>"“”„«»\p{Cc}]+/giu;
/** What ends a sentence is no part of an address. */
const ENDING = ".,;:!?'’…*_]}";

/** The addresses of a plain text that lead to the web, each once, as they are written. Not those that are filled for each recipient. */
export function linksInText(text: string): string[] {
  return [...new Set([...text.matchAll(ADDRESS)].map((found) => addressOf(text, found)).filter(isWhole))];
}

/** The text with some of these addresses replaced, everything else as it is; null leaves one alone. */
export function replaceTextLinks(text: string, replace: (url: string) => string | null): string {
  return text.replace(ADDRESS, (found: string, at: number) => {
    const url = addressOf(text, { 0: found, index: at });
    return (isWhole(url) ? (replace(url) ?? url) : url) + found.slice(url.length);
  });
}

function addressOf(text: string, { 0: found, index }: { 0: string; index: number }): string {
  if (text[index - 1] === '<' && text[index + found.length] === '>') return found;
  // A bracket at its end belongs to it where it closes one, as in `/wiki/Zgoda_(film)`.
  let loose = found.split(')').length - found.split('(').length;
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found.charAt(end - 1);
    if (last === ')' && loose > 0) loose -= 1;
    else if (!ENDING.includes(last)) break;
  }
  return found.slice(0, end);
}

function isWhole(url: string): boolean {
  return !hasHole(url);
}

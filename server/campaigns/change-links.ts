import { hole } from '../mail/hole.js';
import { replaceLinks } from '../mail/link-positions.js';
import { replaceTextLinks } from '../mail/text-links.js';

/** The picture that tells of an opening, and the link that only programs follow: filled as links are, named by numbers that no address has. */
const OPENING = hole(`k_${'0'.repeat(16)}`);
const TRAP = hole(`k_${'0'.repeat(15)}1`);

/** Nobody sees, hears or reaches it, and it has no words that a filter could call hidden. */
const TRAP_HTML = `<a href="${TRAP}" style="display:none" aria-hidden="true" tabindex="-1" rel="nofollow"></a>`;

/** How the links of a campaign are written so that they are counted. */
export interface LinkChange {
  /** What stands for an address; null: it stays. */
  of(url: string): string | null;
  /** Of somebody who agreed: a picture of one point tells that the mail was opened, and a link that only programs follow tells scanners from them. */
  readonly isPersonal: boolean;
}

/** A mail's HTML, before its footer, with its links as they are counted. */
export function changeLinks(html: string, links: LinkChange): string {
  const changed = replaceLinks(html, (url) => links.of(url));
  if (!links.isPersonal) return changed;
  const end = [...changed.matchAll(/<\/body[\s>]/gi)].at(-1)?.index ?? changed.length;
  return `${changed.slice(0, end)}${TRAP_HTML}<img src="${OPENING}" width="1" height="1" alt="">${changed.slice(end)}`;
}

/** Its text part, before its footer: the same links. Nothing hides there, so that no scanner is told from a person. */
export function changeTextLinks(text: string, links: LinkChange): string {
  return replaceTextLinks(text, (url) => links.of(url));
}

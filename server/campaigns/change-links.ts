import { hole } from '../mail/hole.js';
import { replaceLinks } from '../mail/link-positions.js';

/** Stands for the picture that tells of an opening; filled as a link named by eight zeros. */
const OPENING = hole(`k_${'0'.repeat(16)}`);

/** How the links of a campaign are written so that they are counted. */
export interface LinkChange {
  /** What stands for an address; null: it stays. */
  of(url: string): string | null;
  /** A picture of one point tells that the mail was opened. */
  readonly isOpeningSeen: boolean;
}

/** A mail's HTML, before its footer, with its links as they are counted. */
export function changeLinks(html: string, links: LinkChange): string {
  const changed = replaceLinks(html, (url) => links.of(url));
  if (!links.isOpeningSeen) return changed;
  const end = /<\/body\s*>(?![^]*<\/body)/i.exec(changed)?.index ?? changed.length;
  return `${changed.slice(0, end)}<img src="${OPENING}" width="1" height="1" alt="">${changed.slice(end)}`;
}

import { escapeHtml } from './escape.js';
import { footerHtml, type Footer, type Present } from './footer.js';
import { cutAtHoles, hole } from './hole.js';
import { encodeHole, encodeHoled } from './qp.js';

/** The HTML of a footer for one reader: as it reads, and as quoted-printable whose lines end in `eol`. */
export interface CastFooter {
  readonly bytes: Buffer;
  readonly quotedPrintable: () => string;
}

/** A footer in one wording: what stands before, between and after its links. */
interface Mould {
  readonly pieces: readonly string[];
  readonly encoded: readonly string[];
  readonly links: readonly ('unsubscribeUrl' | 'preferencesUrl')[];
}

/** Of wordings that many readers share, so that only their links are written for each. */
const moulds = new Map<string, Mould>();
const MAX_MOULDS = 50;

/** Writes the footer's HTML; fast where only links differ from the one before. */
export function castFooter(footer: Footer, present: Present, eol: string): CastFooter {
  const { pieces, encoded, links } = mouldFor(footer, present, eol);
  const urls = links.map((link) => escapeHtml(footer[link]));
  return {
    bytes: Buffer.from(pieces.map((piece, at) => piece + (urls[at] ?? '')).join(''), 'latin1'),
    quotedPrintable: () => encoded.map((piece, at) => piece + withEnds(encodeHole(urls[at] ?? ''), eol)).join(''),
  };
}

function mouldFor(footer: Footer, present: Present, eol: string): Mould {
  const marked: Footer = { ...footer, unsubscribeUrl: hole('unsubscribeUrl'), preferencesUrl: hole('preferencesUrl') };
  const key = JSON.stringify([marked, present, eol]);
  const found = moulds.get(key);
  if (found) return found;
  const html = footerHtml(marked, present);
  const cut = cutAtHoles(html.replaceAll('\n', eol));
  const mould: Mould = {
    pieces: cut.filter((_, at) => at % 2 === 0),
    encoded: encodeHoled(html).pieces.map((piece) => withEnds(piece, eol)),
    links: cut.filter((_, at) => at % 2 === 1) as Mould['links'],
  };
  if (moulds.size >= MAX_MOULDS) moulds.clear();
  moulds.set(key, mould);
  return mould;
}

function withEnds(text: string, eol: string): string {
  return eol === '\r\n' ? text : text.replaceAll('\r\n', eol);
}

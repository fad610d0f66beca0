import { asciiHtml, escapeHtml } from './escape.js';
import { footerHtml, footerText, type Footer, type Present } from './footer.js';
import { cutAtHoles, hole } from './hole.js';
import { encodeHole, encodeHoled } from './qp.js';

/** The HTML of a footer for one reader: as it reads, and as quoted-printable whose lines end in `eol`. */
export interface CastFooter {
  readonly bytes: Buffer;
  readonly quotedPrintable: () => string;
}

type Hole = 'unsubscribeUrl' | 'preferencesUrl' | 'confirmed_on';

/** What stands before, between and after the holes of a text. */
interface Cut {
  readonly pieces: readonly string[];
  readonly holes: readonly Hole[];
}

/** A footer in one wording. */
interface Mould {
  readonly html: Cut;
  readonly quotedPrintable: readonly string[];
  readonly text: Cut;
}

/** Of wordings that many readers share, so that only their links and dates are written for each. */
const moulds = new Map<string, Mould>();
const MAX_MOULDS = 50;

/** Writes the footer's HTML; fast where only links and the date differ from one before. */
export function castFooter(footer: Footer, present: Present, eol: string): CastFooter {
  const { html, quotedPrintable } = mouldFor(footer, present, eol);
  const values = html.holes.map((name) => asciiHtml(escapeHtml(valueOf(footer, name))));
  return {
    bytes: Buffer.from(fill(html.pieces, values), 'latin1'),
    quotedPrintable: () => {
      const encoded = values.map((value) => withEnds(encodeHole(value), eol));
      return fill(quotedPrintable, encoded);
    },
  };
}

/** The footer's plain text (`footerText`), with lines that end in `eol`. */
export function castText(footer: Footer, present: Present, eol: string): string {
  const { text } = mouldFor(footer, present, eol);
  return fill(
    text.pieces,
    text.holes.map((name) => valueOf(footer, name)),
  );
}

function valueOf(footer: Footer, name: Hole): string {
  return name === 'confirmed_on' ? (footer.dated?.on ?? '') : footer[name];
}

function fill(pieces: readonly string[], values: readonly string[]): string {
  let filled = '';
  for (const [at, piece] of pieces.entries()) filled += piece + (values[at] ?? '');
  return filled;
}

function mouldFor(footer: Footer, present: Present, eol: string): Mould {
  const key = keyOf(footer, present, eol);
  const found = moulds.get(key);
  if (found) return found;
  const marked: Footer = {
    ...{ ...footer, why: footer.dated?.why ?? footer.why },
    ...{ unsubscribeUrl: hole('unsubscribeUrl'), preferencesUrl: hole('preferencesUrl') },
  };
  const html = footerHtml(marked, present);
  const mould: Mould = {
    html: cutIn(html, eol),
    quotedPrintable: encodeHoled(html).pieces.map((piece) => withEnds(piece, eol)),
    text: cutIn(footerText(marked, present), eol),
  };
  if (moulds.size >= MAX_MOULDS) moulds.clear();
  moulds.set(key, mould);
  return mould;
}

/** All but what fills the holes. */
function keyOf(footer: Footer, { unsubscribe, preferences }: Present, eol: string): string {
  const why = footer.dated?.why ?? footer.why;
  const { unsubscribeLabel, settingsLabel, identity, noticeLabel, noticeUrl, language, dir } = footer;
  return `${eol}\0${unsubscribe}\0${preferences}\0${language}\0${dir}\0${why}\0${unsubscribeLabel}\0${settingsLabel}\0${identity}\0${noticeLabel}\0${noticeUrl}`;
}

function cutIn(text: string, eol: string): Cut {
  const cut = cutAtHoles(text.replaceAll('\n', eol));
  return {
    pieces: cut.filter((_, at) => at % 2 === 0),
    holes: cut.filter((_, at) => at % 2 === 1) as Hole[],
  };
}

function withEnds(text: string, eol: string): string {
  return eol === '\r\n' ? text : text.replaceAll('\r\n', eol);
}

import { isAscii } from 'node:buffer';
import { decodeText, encodeText, foldToAscii, isUtf8, kindOf, readsInAscii } from './charset.js';
import { escapeHtml } from './escape.js';
import type { Footer } from './footer.js';
import { castFooter, castText } from './footer-cast.js';
import type { Slot, Target } from './footer-target.js';
import { contentFields } from './mime-content.js';
import { encodeBytes } from './qp.js';
import { editsOf, splice, type RecipePart, type Splice } from './recipe.js';
import { encodeBase64, widthOf } from './transfer.js';

/** A text part with one recipient's footer in it: what changes in the message, and what is kept about it. */
export interface FilledPart {
  /** In bytes of the message. */
  readonly splices: readonly Splice[];
  readonly recipe: RecipePart;
}

/** Fills the placeholders of a text and adds the footer, as far as the text does not show its links by itself (F-10 to F-17). */
export function fillTarget(raw: Buffer, target: Target, { footer, eol }: { footer: Footer; eol: string }): FilledPart {
  const whole = target.present.unsubscribe && target.present.preferences;
  const words: Words = whole ? { bytes: Buffer.alloc(0), convert: null } : footerBytes(target, footer, eol);
  const converted = words.convert ?? target.content;
  const charset = words.convert ? 'utf-8' : target.charset;
  // A conversion moves what lies behind letters beyond ASCII: placeholders are ASCII, and found again.
  const moved = words.convert ? movedInto(target, converted) : target;
  const splices = splicesFor(moved, footer, words.bytes, target.isHtml);
  const edits = editsOf(converted, splices);
  const { path } = target.part;
  const isAnew = target.sentAt === null || words.convert !== null || needsQp(target, words.bytes);
  if (!isAnew) {
    return { splices: spliceSent(raw, target, { splices, words, eol }), recipe: { path, edits } };
  }
  return rewrite(raw, target, { content: splice(converted, splices), edits, charset, eol });
}

/** 7-bit stays 7-bit (F-17). */
function needsQp({ part }: Target, bytes: Buffer): boolean {
  return part.encoding === '7bit' && !isAscii(bytes);
}

/** Can a text say the footer's words? Not where it has a charset of its own that nobody knows, and they are in another script than ours (F-16). */
export function canSay(target: Target, { unsubscribeLabel, settingsLabel }: Footer): boolean {
  const labels = `${unsubscribeLabel} ${settingsLabel}`;
  return (
    target.isHtml || encodeText(labels, target.charset) !== null || readsInAscii(labels) || toUtf8(target) !== null
  );
}

interface Words {
  readonly bytes: Buffer;
  /** The content in UTF-8, where the footer has letters that its charset lacks. */
  readonly convert: Buffer | null;
  /** The bytes in quoted-printable, where they are at hand. */
  readonly quotedPrintable?: () => string;
}

function footerBytes(target: Target, footer: Footer, eol: string): Words {
  if (target.isHtml) return { ...castFooter(footer, target.present, eol), convert: null };
  const text = plainFooter(target, footer, eol);
  const own = encodeText(text, target.charset);
  if (own) return { bytes: own, convert: null };
  const converted = toUtf8(target);
  if (converted) return { bytes: Buffer.from(text, 'utf8'), convert: converted };
  return { bytes: Buffer.from(foldToAscii(text.replaceAll(eol, '\n')).replaceAll('\n', eol), 'latin1'), convert: null };
}

// F-14, F-15.
function plainFooter({ content, part, present }: Target, footer: Footer, eol: string): string {
  const tail = content.toString('latin1', Math.max(0, content.length - 3));
  const isFlowed = part.parameters.get('format')?.toLowerCase() === 'flowed';
  const start = tail === '' || tail.endsWith('\n') ? '' : eol;
  const words = castText(footer, present, eol);
  if (!isFlowed) return start + words;
  const last = tail.replace(/\r?\n$/, '');
  return start + (last.endsWith(' ') ? eol : '') + words.replace(/^(?=[ >]|From )/gm, ' ');
}

/** null: its bytes are not what its charset says. */
function toUtf8({ charset, content }: Target): Buffer | null {
  // ASCII reads the same in UTF-8, and what calls itself nothing or ASCII and is UTF-8 is shown as that.
  if (charset === 'us-ascii' || kindOf(charset) === 'unknown') return isUtf8(content) ? content : null;
  const text = decodeText(content, charset);
  return text === null ? null : Buffer.from(text, 'utf8');
}

function movedInto(target: Target, converted: Buffer): Pick<Target, 'slots' | 'insertion'> {
  if (converted === target.content) return target;
  let from = 0;
  const slots = target.slots.map((slot): Slot => {
    const mark = target.content.subarray(slot.start, slot.end);
    const start = converted.indexOf(mark, from);
    from = start + mark.length;
    return { start, end: from, name: slot.name };
  });
  return { slots, insertion: converted.length };
}

function splicesFor(
  { slots, insertion }: Pick<Target, 'slots' | 'insertion'>,
  footer: Footer,
  words: Buffer,
  isHtml: boolean,
): Splice[] {
  const urls = { unsubscribe: footer.unsubscribeUrl, preferences: footer.preferencesUrl };
  const all: Splice[] = slots.map(({ start, end, name }) => ({
    ...{ at: start, remove: end - start },
    bytes: Buffer.from(isHtml ? escapeHtml(urls[name]) : urls[name], 'latin1'),
  }));
  if (words.length > 0) all.push({ at: insertion, remove: 0, bytes: words });
  return all.sort((a, b) => a.at - b.at);
}

/** The changes in the body as it was sent: nothing else moves but, in base64, the grouping of what follows. */
function spliceSent(
  raw: Buffer,
  { part, content, sentAt }: Target,
  { splices, words, eol }: { splices: readonly Splice[]; words: Words; eol: string },
): Splice[] {
  const [first] = splices;
  if (!first || !sentAt) return [];
  if (part.encoding === 'base64') return [spliceBase64(raw, { part, content, splices, first, sentAt, eol })];
  return splices.map(({ at, remove, bytes }) => {
    const start = part.start + sentAt(at);
    const end = part.start + sentAt(at + remove);
    if (part.encoding !== 'quoted-printable') return { at: start, remove: end - start, bytes };
    return {
      at: start,
      remove: end - start,
      bytes: Buffer.from(remove === 0 ? lineInQp(raw, start, { ...words, eol }) : slotInQp(bytes, eol), 'latin1'),
    };
  });
}

// A footer begins and ends with a line end.
function lineInQp(raw: Buffer, start: number, { bytes, quotedPrintable, eol }: Words & { eol: string }): string {
  const encoded = quotedPrintable?.() ?? encodeBytes(bytes, eol);
  const before = raw[start - 1];
  return before === 0x20 || before === 0x09 ? `=${eol}${encoded}` : encoded;
}

// A filled placeholder gets soft line breaks around it, so that no line grows too long.
function slotInQp(bytes: Buffer, eol: string): string {
  return `=${eol}${encodeBytes(bytes, eol)}=${eol}`;
}

interface InBase64 {
  readonly part: Target['part'];
  readonly content: Buffer;
  readonly splices: readonly Splice[];
  readonly first: Splice;
  readonly sentAt: (place: number) => number;
  readonly eol: string;
}

function spliceBase64(raw: Buffer, { part, content, splices, first, sentAt, eol }: InBase64): Splice {
  const at = part.start + sentAt(first.at);
  const line = raw.lastIndexOf(0x0a, at - 1) + 1;
  const column = at - Math.max(line, part.start);
  const width = widthOf(raw.subarray(part.start, part.end));
  const tail = splice(content, splices).subarray(first.at - (first.at % 3));
  const encoded = encodeBase64(tail, { width, room: column > 0 ? Math.max(width - column, 0) : 0, eol });
  // A group begins where a line is full.
  const start = column >= width ? eol : '';
  return { at, remove: part.end - at, bytes: Buffer.from(start + encoded, 'latin1') };
}

interface Rewriting {
  readonly content: Buffer;
  readonly edits: RecipePart['edits'];
  readonly charset: string;
  readonly eol: string;
}

/** The whole body anew, in another charset or transfer encoding; the part's header says so. */
function rewrite(raw: Buffer, target: Target, { content, edits, charset, eol }: Rewriting): FilledPart {
  const { part } = target;
  const encoding = part.encoding === 'base64' ? 'base64' : part.encoding === '8bit' ? '8bit' : 'quoted-printable';
  const body =
    encoding === 'base64'
      ? encodeBase64(content, { width: 76, room: 0, eol })
      : encoding === '8bit'
        ? content.toString('latin1')
        : encodeBytes(content, eol);
  return {
    splices: [
      ...contentFields(raw, part, { charset, encoding, eol }),
      { at: part.start, remove: part.end - part.start, bytes: Buffer.from(body, 'latin1') },
    ],
    recipe: {
      path: part.path,
      edits,
      rewritten: {
        from: `${part.parameters.get('charset') ?? 'us-ascii'}, ${part.encoding}`,
        to: `${charset}, ${encoding}`,
      },
    },
  };
}

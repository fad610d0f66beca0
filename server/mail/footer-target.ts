import { hash } from 'node:crypto';
import { charsetOf, decodeText, kindOf } from './charset.js';
import { footerHtml, footerStyle, type Footer, type Present } from './footer.js';
import { standsAlone } from './inject.js';
import { parse } from 'parse5';
import { insertionPoint } from './insertion-point.js';
import type { MimePart } from './mime-tree.js';
import { chainOf, type Tag } from './nodes.js';
import { AMP } from './footer-places.js';
import { decodeBase64, decodeQp, type Decoded } from './transfer.js';
import { readSoundHtml } from './sound-html.js';
import { linksTo, proveLinks, whyUnseenAtEnd } from './visible.js';

/** A text part, read once: where its footer goes, and whether it will be seen there. */
export interface Target {
  readonly part: MimePart;
  readonly isHtml: boolean;
  /** Of `content`. */
  readonly charset: string;
  /** Decoded; in UTF-8 where the charset cannot be cut at a byte. */
  readonly content: Buffer;
  /** null: the body must be written anew. */
  readonly sentAt: Decoded['sentAt'] | null;
  readonly slots: readonly Slot[];
  /** Where the footer goes, in bytes of `content`. */
  readonly insertion: number;
  /** Links that the text shows by itself once its placeholders are filled. */
  readonly present: Present;
}

/** A placeholder, in bytes of the content. */
export interface Slot {
  readonly start: number;
  readonly end: number;
  readonly name: 'unsubscribe' | 'preferences';
}

const PLACEHOLDER =
  /(?<!\{)\{\{\{? ?(unsubscribe|preferences)_url ?\}?\}\}(?!\})|%7B%7B(?:%20)?(unsubscribe|preferences)_url(?:%20)?%7D%7D/gi;

/** Reads a text part. Returns why not, in words, where it can only be wrapped. */
export function readTarget(raw: Buffer, part: MimePart): Target | string {
  const body = raw.subarray(part.start, part.end);
  const decoded = decodeBody(body, part.encoding);
  if (!decoded) return 'a text is not valid base64';
  const isHtml = part.type !== 'text/plain';
  const given = charsetOf(part.parameters);
  if (kindOf(given) !== 'other') return place(part, isHtml, { ...decoded, charset: given });
  const text = decodeText(decoded.bytes, given);
  if (text === null) return `a text in ${given.slice(0, 40)} cannot be read`;
  const bytes = Buffer.from(isHtml ? declareUtf8(text) : text, 'utf8');
  return place(part, isHtml, { bytes, charset: 'utf-8', sentAt: null });
}

function decodeBody(body: Buffer, encoding: string): Decoded | null {
  if (encoding === 'quoted-printable') return decodeQp(body);
  if (encoding === 'base64') return decodeBase64(body);
  return { bytes: body, sentAt: (at) => at };
}

function declareUtf8(html: string): string {
  return html.slice(0, 4_096).replace(/(<meta\b[^>]*charset\s*=\s*["']?)[\w.:-]+/gi, '$1utf-8') + html.slice(4_096);
}

function place(
  part: MimePart,
  isHtml: boolean,
  { bytes, charset, sentAt }: { bytes: Buffer; charset: string; sentAt: Target['sentAt'] },
): Target | string {
  // Byte for byte: markup is ASCII in every charset that comes here.
  const text = bytes.toString('latin1');
  const slots = slotsIn(text);
  const base = { part, isHtml, charset, sentAt, slots, content: bytes };
  const isFilled = slots.length > 0;
  if (!isHtml && !isFilled) return { ...base, insertion: bytes.length, present: NONE };
  const sound = isHtml && !isFilled && part.type !== AMP ? readSoundHtml(text) : null;
  // What is written plainly needs no parser to say where the footer stands.
  if (sound !== null) return seated(base, sound.end, whyUnseenAtEnd(sound, FOOTER_TAGS));
  const example = exampleFor(bytes);
  if (!isHtml) return { ...base, insertion: bytes.length, present: presentInText(text, slots, example) };
  if (part.type === AMP) return placeInAmp(text, base, example);
  const insertion = insertionPoint(text);
  const present = isFilled ? presentInHtml(fill(text, slots, example), example) : NONE;
  const why = whyUnseen(text, { slots, insertion, present, example });
  return seated({ ...base, present }, insertion, why);
}

function seated(base: Omit<Target, 'insertion' | 'present'> & Partial<Target>, insertion: number, why: string | null) {
  return why === null ? { present: NONE, ...base, insertion } : `the footer would not be seen: ${why}`;
}

/** The elements of the footer around a link, which is the first. */
const FOOTER_TAGS = footerTags();

function footerTags(): Tag[] {
  const example = exampleFor(Buffer.alloc(0));
  const [link] = linksTo(parse(footerHtml(exampleFooter(example))), example.unsubscribe);
  return link ? chainOf(link).slice(0, 2) : [];
}

// Nothing can be added that stays valid AMP: its own link must do, once its placeholder is filled (F-08). Its boilerplate hides the body until scripts have run.
function placeInAmp(text: string, base: Omit<Target, 'insertion' | 'present'>, example: Example): Target | string {
  const shown = fill(text, base.slots, example).replace(/<style amp4email-boilerplate>[^<]*<\/style>/i, '');
  if (!presentInHtml(shown, example).unsubscribe) return 'its AMP part would hide the footer';
  return { ...base, insertion: text.length, present: { unsubscribe: true, preferences: true } };
}

function slotsIn(text: string): Slot[] {
  if (!['{{', '%7B', '%7b'].some((mark) => text.includes(mark))) return [];
  return [...text.matchAll(PLACEHOLDER)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    name: (match[1] ?? match[2] ?? '').toLowerCase() as Slot['name'],
  }));
}

/** The text with its placeholders filled. */
function fill(text: string, slots: readonly Slot[], urls: Record<Slot['name'], string>): string {
  let at = 0;
  let filled = '';
  for (const { start, end, name } of slots) {
    filled += text.slice(at, start) + urls[name];
    at = end;
  }
  return filled + text.slice(at);
}

function presentInText(text: string, slots: readonly Slot[], example: Example): Present {
  const filled = fill(text, slots, example);
  return {
    unsubscribe: standsAlone(filled, example.unsubscribe),
    preferences: standsAlone(filled, example.preferences),
  };
}

function presentInHtml(html: string, example: Example): Present {
  const why = proveLinks(html);
  return { unsubscribe: why(example.unsubscribe) === null, preferences: why(example.preferences) === null };
}

/** F-12, for every recipient at once: their links and words are escaped, so that they differ from these in letters only. */
function whyUnseen(
  text: string,
  { slots, insertion, present, example }: Pick<Target, 'slots' | 'insertion' | 'present'> & { example: Example },
): string | null {
  if (present.unsubscribe && present.preferences) return null;
  // Placeholders are filled in place, so that the offset moves with those before it.
  const html =
    fill(
      text.slice(0, insertion),
      slots.filter(({ end }) => end <= insertion),
      example,
    ) +
    footerHtml(exampleFooter(example), present) +
    fill(
      text.slice(insertion),
      slots.filter(({ start }) => start >= insertion).map((slot) => moved(slot, -insertion)),
      example,
    );
  const why = proveLinks(html);
  const style = footerStyle(exampleFooter(example));
  const reasons = SLOTS.map((name) => why(example[name], present[name] ? undefined : style));
  return reasons.find((reason) => reason !== null) ?? null;
}

function moved({ start, end, name }: Slot, by: number): Slot {
  return { start: start + by, end: end + by, name };
}

const SLOTS = ['unsubscribe', 'preferences'] as const;

/** Links that stand for those of any recipient. */
type Example = Record<Slot['name'], string>;

const NONE: Present = { unsubscribe: false, preferences: false };

// In letters that no escaping changes, and that a text cannot hold, since they are reckoned from it: else its author could show our example and hide our footer.
function exampleFor(content: Buffer): Example {
  const mark = hash('sha256', content, 'hex').slice(0, 40);
  return { unsubscribe: `https://zgoda.invalid/u/${mark}`, preferences: `https://zgoda.invalid/p/${mark}` };
}

function exampleFooter({ unsubscribe, preferences }: Example): Footer {
  return {
    ...{ why: 'x', unsubscribeLabel: 'x', settingsLabel: 'x', identity: 'x', noticeLabel: 'x' },
    ...{ noticeUrl: 'https://zgoda.invalid/n', language: 'en', dir: 'ltr' },
    ...{ unsubscribeUrl: unsubscribe, preferencesUrl: preferences },
  };
}

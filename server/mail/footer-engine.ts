import { hash } from 'node:crypto';
import { Refusal } from '../errors.js';
import { CLIPPED_BYTES } from './clipping.js';
import type { AddressedTo } from './addressed-to.js';
import { delimitersOf, dividesAnew } from './delimiters.js';
import { checkLinks, type Footer } from './footer.js';
import { canSay, fillTarget } from './footer-fill.js';
import { AMP, choosePlaces } from './footer-places.js';
import { readTarget, type Target } from './footer-target.js';
import { wrapMessage } from './footer-wrap.js';
import type { HeaderField } from './headers.js';
import { lineEnd, readHeader } from './mime-fields.js';
import { readTree, type MimePart } from './mime-tree.js';
import { splice, type Recipe, type Splice } from './recipe.js';
import { withLineEnds } from './transfer.js';

export type { Recipe } from './recipe.js';

export interface EnginePolicy {
  /** What becomes of mail that is signed or encrypted (F-07). */
  readonly signed: 'wrap' | 'headers-only' | 'refuse';
  /** `crlf`, as SMTP needs: bare line ends are made whole (F-21). `keep`: a file whose lines all end in LF stays so. */
  readonly lines?: 'crlf' | 'keep';
}

/** A message read once, for any number of recipients. */
export interface PreparedMessage {
  readonly raw: Buffer;
  readonly root: MimePart;
  readonly eol: string;
  readonly plan: Plan;
  readonly delimiters: readonly Buffer[];
  /** Of what came in. */
  readonly before: string;
  readonly isNormalised: boolean;
}

type Plan =
  | { readonly kind: 'inject'; readonly targets: readonly Target[] }
  | { readonly kind: 'wrap'; readonly footer: 'before' | 'after'; readonly why: string }
  | { readonly kind: 'headers' };

export interface Injection {
  readonly message: Buffer;
  readonly outcome: 'injected' | 'wrapped' | 'headers';
  readonly recipe: Recipe;
  /** All that was changed, in bytes of the prepared message. */
  readonly splices: readonly Splice[];
}

/** F-19, in bytes. */
export const MAX_MESSAGE = 64 * 1024 * 1024;
const MAX_TEXT = 5 * 1024 * 1024;
/** F-01: never in a mail that leaves. */
const HIDDEN_FIELDS = ['bcc', 'resent-bcc'];

/**
 * Reads a message and decides where its footer goes: into its texts, or beside what must not be touched. Throws `message-refused`, with the reason in words, for
 * what is over a limit, cannot be read, or may not leave under the policy (F-19: no mail without a way out).
 */
export function prepareMessage(given: Buffer, policy: EnginePolicy): PreparedMessage {
  if (given.length > MAX_MESSAGE) throw refused(`it has more than ${MAX_MESSAGE / 1024 / 1024} MB`);
  if (given.includes(0)) throw refused('it contains a NUL byte');
  const { raw, eol } = withBody(withWholeLines(given, policy.lines ?? 'crlf'));
  const root = readTree(raw, afterEnvelope(raw));
  if (!root.header.fields.some(({ name }) => name !== '')) throw refused('it has no header');
  return {
    ...{ raw, root, eol, plan: planFor(raw, root, policy), isNormalised: raw !== given },
    delimiters: delimitersOf(root),
    before: sha256(given),
  };
}

function refused(why: string): Refusal {
  return new Refusal('message-refused', `The message is refused: ${why}.`, { why });
}

function withWholeLines(given: Buffer, lines: 'crlf' | 'keep'): { raw: Buffer; eol: string } {
  if (hasWholeLines(given) && (lines === 'crlf' || given.includes(0x0a))) return { raw: given, eol: '\r\n' };
  if (lines === 'keep' && !given.includes(0x0d)) return { raw: given, eol: '\n' };
  return { raw: withLineEnds(given, '\r\n'), eol: '\r\n' };
}

/** Does every CR have its LF, and every LF its CR? */
function hasWholeLines(given: Buffer): boolean {
  let [cr, lf] = [given.indexOf(0x0d), given.indexOf(0x0a)];
  while (cr !== -1 && lf === cr + 1) [cr, lf] = [given.indexOf(0x0d, lf), given.indexOf(0x0a, lf + 1)];
  return cr === -1 && lf === -1;
}

/** A message that is all header gets the empty line that it lacks. */
function withBody({ raw, eol }: { raw: Buffer; eol: string }): { raw: Buffer; eol: string } {
  const { end, body } = readHeader(raw, afterEnvelope(raw), raw.length);
  if (end !== body) return { raw, eol };
  return { raw: Buffer.concat([raw, Buffer.from(raw.at(-1) === 0x0a ? eol : eol + eol)]), eol };
}

/** A mailbox file has a line of its own before the message (mbox). */
function afterEnvelope(raw: Buffer): number {
  return /^>?From [^\n:]*/.test(raw.toString('latin1', 0, 200)) ? lineEnd(raw, 0, raw.length) : 0;
}

function planFor(raw: Buffer, root: MimePart, { signed }: EnginePolicy): Plan {
  const places = choosePlaces(raw, root);
  if (places.kind === 'refuse') throw refused(places.why);
  if (places.kind === 'inject') {
    const targets: Target[] = [];
    const hasAmp = places.parts.some(({ type }) => type === AMP);
    for (const part of places.parts) {
      if (part.end - part.start > MAX_TEXT) throw refused(`a text has more than ${MAX_TEXT / 1024 / 1024} MB`);
      const target = readTarget(raw, part);
      if (typeof target === 'string' && hasAmp) throw refused('its AMP part would hide the footer');
      if (typeof target === 'string') return wrapOr({ signed }, 'after', target);
      targets.push(target);
    }
    return { kind: 'inject', targets };
  }
  if (places.isSealed && signed === 'headers-only') return { kind: 'headers' };
  return wrapOr({ signed: places.isSealed || places.footer === 'after' ? signed : 'wrap' }, places.footer, places.why);
}

function wrapOr({ signed }: EnginePolicy, footer: 'before' | 'after', why: string): Plan {
  if (signed === 'refuse') throw refused(why);
  return { kind: 'wrap', footer, why };
}

/** What differs from one recipient to the next; names in `without`, in lower case, go. */
interface Personal extends Partial<Pick<AddressedTo, 'without'>> {
  readonly footer: Footer;
  readonly headers: readonly HeaderField[];
  readonly boundary: string;
}

/**
 * The message for one recipient. `headers` take the place of all fields of their names. `boundary` is random, from the caller: 16 to 60 letters and digits; it
 * is used where the message is wrapped (F-18). The same arguments give the same message (F-04).
 */
export function injectFooter(prepared: PreparedMessage, personal: Personal): Injection {
  const { raw, root, eol, plan, delimiters } = prepared;
  const { footer, boundary } = personal;
  checkLinks(footer);
  if (plan.kind === 'inject' && plan.targets.every((target) => canSay(target, footer))) {
    const filled = plan.targets.map((target) => fillTarget(raw, target, { footer, eol }));
    const parts = filled.map(({ recipe }) => recipe);
    const splices = filled.flatMap((one) => one.splices);
    if (!dividesAnew(raw, delimiters, splices)) {
      const longHtml = longestHtml(plan.targets, parts);
      return finish(prepared, personal, { splices, parts, longHtml, outcome: 'injected' });
    }
  }
  if (plan.kind === 'headers') return finish(prepared, personal, { splices: [], parts: [], outcome: 'headers' });
  const place = plan.kind === 'wrap' ? plan.footer : 'after';
  const wrapped = wrapMessage(raw, root, { footer, place, boundary: freshBoundary(raw, boundary), eol });
  return finish(prepared, personal, { ...wrapped, parts: [], outcome: 'wrapped', place });
}

interface Change {
  readonly splices: readonly Splice[];
  readonly parts: Recipe['parts'];
  readonly outcome: Injection['outcome'];
  readonly longHtml?: number;
  /** A field of the wrapping, with its line end. */
  readonly field?: string;
  readonly place?: 'before' | 'after';
}

function finish(
  { raw, root, eol, before, isNormalised }: PreparedMessage,
  { headers, without = [] }: Personal,
  { splices, parts, outcome, longHtml = 0, field = '', place }: Change,
): Injection {
  const names = [...HIDDEN_FIELDS, ...without, ...headers.map(([name]) => name.toLowerCase())];
  const gone = root.header.fields.filter(({ name }) => names.includes(name));
  // Above all others, where no line that is no field can keep a program from reading them.
  const ours = headers.map(([name, value]) => `${name}: ${value.replace(/\r\n/g, eol)}${eol}`).join('') + field;
  const all: Splice[] = [
    { at: root.header.start, remove: 0, bytes: Buffer.from(ours, 'utf8') },
    ...gone.map(({ start, end }) => ({ at: start, remove: end - start, bytes: Buffer.alloc(0) })),
    ...splices,
  ].sort((a, b) => a.at - b.at);
  const message = splice(raw, all);
  return {
    ...{ message, outcome, splices: all },
    recipe: {
      parts,
      headers: { removed: gone.map(({ name }) => name), added: headers.map(([name]) => name.toLowerCase()) },
      ...(place ? { wrapped: place } : {}),
      ...(isNormalised ? { normalised: true } : {}),
      ...(longHtml > CLIPPED_BYTES ? { longHtml } : {}),
      ...{ before, after: sha256(message) },
    },
  };
}

/** Of what is read: with the footer, and without the transfer encoding. */
function longestHtml(targets: readonly Target[], parts: Recipe['parts']): number {
  const lengths = targets.map(({ part, content }, at) => {
    if (part.type !== 'text/html') return 0;
    const edits = parts[at]?.edits ?? [];
    return edits.reduce((sum, { length, removed = '' }) => sum + length - removed.length, content.length);
  });
  return Math.max(...lengths);
}

/** F-18: absent from the message; from the given one, so that a second try makes the same message. */
function freshBoundary(raw: Buffer, boundary: string): string {
  if (!/^[A-Za-z0-9_-]{16,60}$/.test(boundary)) throw new RangeError('boundary: 16 to 60 letters and digits');
  let fresh = boundary;
  while (raw.includes(fresh)) fresh = sha256(Buffer.from(fresh)).slice(0, 40);
  return fresh;
}

function sha256(bytes: Buffer): string {
  return hash('sha256', bytes, 'hex');
}

import type { MimePart } from './mime-tree.js';
import { decodeQp } from './transfer.js';

/** Where the footer of a message belongs (F-05 to F-09). */
export type Places =
  | { readonly kind: 'inject'; readonly parts: readonly MimePart[] }
  /** Around it a multipart/mixed; the footer stands before what is no text, and after what must not be touched. */
  | { readonly kind: 'wrap'; readonly footer: 'before' | 'after'; readonly why: string; readonly isSealed: boolean }
  | { readonly kind: 'refuse'; readonly why: string };

/** Transfer encodings in which a text can be added to. */
const ADDABLE = ['7bit', '8bit', 'quoted-printable', 'base64'];
const SEALED_TYPES = [
  'multipart/signed',
  'multipart/encrypted',
  'application/pkcs7-mime',
  'application/x-pkcs7-mime',
  'application/pgp-encrypted',
  'application/pgp',
];
/** Gmail shows it instead of HTML (F-08). */
export const AMP = 'text/x-amp-html';
const TEXTS = ['text/plain', 'text/html', AMP];
/** What programs do not show in place of the text, though it stands beside it as an alternative. */
const BESIDE =
  /^text\/(?:calendar|watch-html|x?-?vcard|directory)$|^(?!text\/|image\/|multipart\/|application\/(?:pdf|rtf|xhtml\+xml)$)/;
const ARMOUR = /^-----BEGIN PGP (?:SIGNED )?MESSAGE-----/m;
const PGP = Buffer.from('-----BEGIN PGP ');

interface Found {
  readonly parts: MimePart[];
  sealed: boolean;
  amp: boolean;
  odd: string | null;
}

/** Chooses the text parts that get the footer, or says why none can. */
export function choosePlaces(raw: Buffer, root: MimePart): Places {
  const found: Found = { parts: [], sealed: false, amp: false, odd: null };
  collect(raw, root, found);
  if (found.sealed) return wrap('after', 'it is signed or encrypted', true);
  if (found.odd !== null && found.amp) return { kind: 'refuse', why: 'its AMP part would hide the footer' };
  if (found.odd !== null) return wrap('after', found.odd);
  if (found.parts.length === 0) return wrap('before', 'it has no text of its own');
  return { kind: 'inject', parts: found.parts };
}

function wrap(footer: 'before' | 'after', why: string, isSealed = false): Places {
  return { kind: 'wrap', footer, why, isSealed };
}

function collect(raw: Buffer, part: MimePart, found: Found): void {
  if (isSealed(part)) found.sealed = true;
  else if (part.isAmbiguous && !part.isAttachment) found.odd ??= 'programs do not agree on what its header says';
  else if (part.isAttachment) return;
  else if (TEXTS.includes(part.type)) collectText(raw, part, found);
  else if (part.children) collectChildren(raw, part, part.children, found);
}

// Some gateways forget what S/MIME is, but not what it is called.
function isSealed({ type, parameters }: MimePart): boolean {
  if (type === 'application/octet-stream') return /\.p7[mz]$/i.test(parameters.get('name') ?? '');
  return SEALED_TYPES.includes(type);
}

function collectText(raw: Buffer, part: MimePart, found: Found): void {
  if (part.type === AMP) found.amp = true;
  if (part.type === 'text/plain' && hasArmour(raw, part)) found.sealed = true;
  else if (ADDABLE.includes(part.encoding)) found.parts.push(part);
  else found.odd ??= `a text has the encoding "${part.encoding.slice(0, 40)}"`;
}

// Also in a text that is encoded: OpenPGP's armour is ASCII, and quoted-printable leaves it alone.
function hasArmour(raw: Buffer, part: MimePart): boolean {
  const body = raw.subarray(part.start, part.end);
  if (part.encoding === 'quoted-printable' && body.includes('BEGIN='))
    return ARMOUR.test(decodeQp(body).bytes.toString('latin1'));
  if (part.encoding !== 'base64') return ARMOUR.test(textAfter(body, PGP));
  return ARMOUR.test(Buffer.from(body.toString('latin1'), 'base64').toString('latin1'));
}

function textAfter(body: Buffer, mark: Buffer): string {
  const at = body.indexOf(mark);
  return at === -1 ? '' : body.toString('latin1', Math.max(0, at - 1));
}

function collectChildren(raw: Buffer, part: MimePart, children: readonly MimePart[], found: Found): void {
  if (part.type === 'multipart/alternative') collectAlternatives(raw, children, found);
  else if (part.type === 'multipart/related') {
    const root = rootOf(part, children);
    if (root) collect(raw, root, found);
  } else {
    for (const child of children) {
      const before = found.parts.length;
      collect(raw, child, found);
      // Only the first branch that is shown as the body; what follows it is more of the same, or signed in between.
      if (found.parts.length > before || found.sealed || found.odd !== null) return;
    }
  }
}

// The last one counts that a program can show (RFC 2046 5.1.4): none may come after those that show the way out.
function collectAlternatives(raw: Buffer, children: readonly MimePart[], found: Found): void {
  let isHidden = false;
  for (const child of children) {
    const before = found.parts.length;
    collect(raw, child, found);
    if (found.parts.length > before) isHidden = false;
    else if (!child.isAttachment && !BESIDE.test(child.type)) isHidden = true;
  }
  if (isHidden) found.odd ??= 'its last alternative has no text that can be added to';
}

/** RFC 2387: what `start` names, else the first. */
function rootOf(part: MimePart, children: readonly MimePart[]): MimePart | undefined {
  const start = part.parameters.get('start')?.trim();
  const named = (child: MimePart) => child.header.fields.find(({ name }) => name === 'content-id')?.value.trim();
  return (start === undefined ? undefined : children.find((child) => named(child) === start)) ?? children[0];
}

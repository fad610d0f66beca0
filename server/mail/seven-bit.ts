import { isAscii } from 'node:buffer';
import { Refusal } from '../errors.js';
import { charsetOf, kindOf } from './charset.js';
import { fieldsNamed } from './mime-fields.js';
import { contentFields } from './mime-content.js';
import { readTree, type MimePart } from './mime-tree.js';
import { encodeBytes } from './qp.js';
import { splice, type Splice } from './recipe.js';
import { decodeQp, encodeBase64 } from './transfer.js';

const EOL = '\r\n';

/**
 * A message that says the same in ASCII alone, for a server without 8BITMIME: texts in quoted-printable, all else in base64 (F-17, RFC 6152 3). Parts that are ASCII
 * keep their every byte. CRLF line ends. null: it cannot be, as where the header itself or what somebody else signed is not ASCII.
 */
export function toSevenBit(raw: Buffer): Buffer | null {
  if (isAscii(raw)) return raw;
  try {
    const splices = recode(raw, readTree(raw, 0));
    const message =
      splices &&
      splice(
        raw,
        [...splices].sort((a, b) => a.at - b.at),
      );
    return message && isAscii(message) ? message : null;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** null: a part cannot be written in ASCII, or others signed its bytes (RFC 1847 2.1). */
function recode(raw: Buffer, part: MimePart): Splice[] | null {
  const body = raw.subarray(part.start, part.end);
  if (isAscii(body)) return [];
  if (part.isAmbiguous || part.type === 'multipart/signed') return null;
  if (part.type.startsWith('multipart/')) return recodeChildren(raw, part);
  if (part.type === 'message/rfc822') return recodeMessage(raw, part, body);
  return part.type.startsWith('message/') ? null : recodeLeaf(raw, part, body);
}

function recodeChildren(raw: Buffer, part: MimePart): Splice[] | null {
  const all = part.children?.map((child) => recode(raw, child)) ?? [null];
  const splices = all.filter((one) => one !== null);
  return splices.length < all.length ? null : [...declare(raw, part, '7bit'), ...splices.flat()];
}

// A message may not be encoded as a whole: what is in it is (RFC 2046 5.2.1).
function recodeMessage(raw: Buffer, part: MimePart, body: Buffer): Splice[] | null {
  const message = toSevenBit(body);
  return message && [...declare(raw, part, '7bit'), replaced(part, message.toString('latin1'))];
}

function recodeLeaf(raw: Buffer, part: MimePart, body: Buffer): Splice[] | null {
  const isQp = part.encoding === 'quoted-printable';
  if (!isQp && !['7bit', '8bit', 'binary'].includes(part.encoding)) return null;
  const bytes = isQp ? decodeQp(body).bytes : body;
  const isText = isQp || (part.type.startsWith('text/') && kindOf(charsetOf(part.parameters)) !== 'other');
  return isText
    ? [...declare(raw, part, 'quoted-printable'), replaced(part, encodeBytes(bytes, EOL))]
    : [...declare(raw, part, 'base64'), replaced(part, encodeBase64(bytes, { width: 76, room: 0, eol: EOL }))];
}

function declare(raw: Buffer, part: MimePart, encoding: string): Splice[] {
  const [field] = fieldsNamed(part.header, 'content-transfer-encoding');
  return field || encoding !== '7bit' ? contentFields(raw, part, { encoding, eol: EOL }) : [];
}

function replaced({ start, end }: MimePart, text: string): Splice {
  return { at: start, remove: end - start, bytes: Buffer.from(text, 'latin1') };
}

import iconv from 'iconv-lite';
import { charsetOf, isUtf8 } from './charset.js';
import type { MimePart } from './mime-tree.js';
import { decodeBase64, decodeQp } from './transfer.js';

/** What a part holds, without its transfer encoding; what cannot be decoded stays as it was sent. */
export function contentOf(raw: Buffer, part: MimePart): Buffer {
  const body = raw.subarray(part.start, part.end);
  if (part.encoding === 'quoted-printable') return decodeQp(body).bytes;
  if (part.encoding === 'base64') return decodeBase64(body)?.bytes ?? body;
  return body;
}

/** Bytes of a part in its charset, as well as they can be read; never throws. */
export function readLoosely(bytes: Buffer, part: Pick<MimePart, 'parameters'>): string {
  const charset = charsetOf(part.parameters);
  if (charset !== 'us-ascii' && iconv.encodingExists(charset)) return iconv.decode(bytes, charset);
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}

/** Texts of a message that a reader sees, in order: no attachments. */
export function textsOf(part: MimePart): MimePart[] {
  if (part.isAttachment) return [];
  if (part.children) return part.children.flatMap(textsOf);
  return part.type === 'text/plain' || part.type === 'text/html' ? [part] : [];
}

import { fieldsNamed } from './mime-fields.js';
import type { MimePart } from './mime-tree.js';
import type { Splice } from './recipe.js';

/** The changes to a part's header that declare another transfer encoding and, where one is given, charset. Other parameters stay. */
export function contentFields(
  raw: Buffer,
  { header, path, type }: MimePart,
  { charset, encoding, eol }: { charset?: string; encoding: string; eol: string },
): Splice[] {
  const [contentType] = fieldsNamed(header, 'content-type');
  const [transfer] = fieldsNamed(header, 'content-transfer-encoding');
  const added: string[] = [];
  const splices: Splice[] = [];
  if (charset !== undefined && !contentType) added.push(`Content-Type: ${type}; charset=${charset}`);
  else if (charset !== undefined && contentType) {
    const text = raw.toString('latin1', contentType.start, contentType.end);
    splices.push(replace(contentType, withCharset(text, charset, eol)));
  }
  if (transfer) splices.push(replace(transfer, `Content-Transfer-Encoding: ${encoding}${eol}`));
  else if (encoding !== '7bit') added.push(`Content-Transfer-Encoding: ${encoding}`);
  // RFC 2045 4: without it a message's other fields of content mean nothing.
  if (path === '' && fieldsNamed(header, 'mime-version').length === 0) added.push('MIME-Version: 1.0');
  if (added.length > 0) {
    // A part may begin with its empty line, and then has no header of its own.
    splices.push({ at: header.end, remove: 0, bytes: Buffer.from(added.map((line) => line + eol).join(''), 'latin1') });
  }
  return splices.sort((a, b) => a.at - b.at);
}

function replace({ start, end }: { start: number; end: number }, text: string): Splice {
  return { at: start, remove: end - start, bytes: Buffer.from(text, 'latin1') };
}

// The field as it is written, but for the one parameter.
function withCharset(text: string, charset: string, eol: string): string {
  const bare = text.replace(/\r?\n$/, '');
  const one = /(;\s*)charset(?:\*\d*\*?|\*)?\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;()]*)/gi;
  const [first] = [...bare.matchAll(one)];
  if (!first) return `${bare.replace(/;\s*$/, '')}; charset=${charset}${eol}`;
  // Of several, as RFC 2231 writes long ones, the first is replaced and the rest goes.
  const changed = bare.replace(one, (_, before: string, at: number) =>
    at === first.index ? `${before}charset=${charset}` : '',
  );
  return changed + eol;
}

import { encodeText } from './charset.js';
import { footerText, type Footer } from './footer.js';
import type { RawField } from './mime-fields.js';
import type { MimePart } from './mime-tree.js';
import { encodeBytes } from './qp.js';
import type { Splice } from './recipe.js';

/**
 * A multipart/mixed around a message that must not be touched, with the footer as a text of its own; what was there keeps its every byte, its fields of content
 * included (F-07, F-09).
 */
export function wrapMessage(
  raw: Buffer,
  root: MimePart,
  { footer, place, boundary, eol }: { footer: Footer; place: 'before' | 'after'; boundary: string; eol: string },
): { readonly field: string; readonly splices: Splice[] } {
  const inner = root.header.fields.filter(({ name }) => isContent(name));
  const fields = inner.map(({ start, end }) => raw.toString('latin1', start, end)).join('');
  const footerPart = textPart(footer, eol);
  const open = `--${boundary}${eol}`;
  const original = `${open}${endLine(fields, eol)}${eol}`;
  const close = `${eol}--${boundary}--${eol}`;
  const [first, last] =
    place === 'before'
      ? [`${open}${footerPart}${eol}${original}`, close]
      : [original, `${eol}${open}${footerPart}${close}`];
  // Without an empty line all of it is header.
  const gap = root.start === root.header.end ? eol : '';
  return {
    field: `Content-Type: multipart/mixed; boundary="${boundary}"${eol}${hasVersion(root) ? '' : `MIME-Version: 1.0${eol}`}`,
    splices: [
      ...inner.map(({ start, end }) => ({ at: start, remove: end - start, bytes: Buffer.alloc(0) })),
      { at: root.start, remove: 0, bytes: Buffer.from(gap + first, 'latin1') },
      { at: raw.length, remove: 0, bytes: Buffer.from(last, 'latin1') },
    ],
  };
}

/** Fields that describe the body, and go where it goes. */
function isContent(name: RawField['name']): boolean {
  return name.startsWith('content-');
}

function hasVersion({ header }: MimePart): boolean {
  return header.fields.some(({ name }) => name === 'mime-version');
}

function endLine(fields: string, eol: string): string {
  return fields === '' || fields.endsWith('\n') ? fields : fields + eol;
}

function textPart(footer: Footer, eol: string): string {
  const text = footerText(footer).replace(/\n/g, eol);
  const isAscii = encodeText(text, 'us-ascii') !== null;
  const encoding = isAscii ? '7bit' : 'quoted-printable';
  const head = [
    'Content-Type: text/plain; charset=utf-8',
    `Content-Transfer-Encoding: ${encoding}`,
    'Content-Disposition: inline',
  ];
  return [...head, '', isAscii ? text : encodeBytes(Buffer.from(text, 'utf8'), eol)].join(eol);
}

import { lineEnd } from './mime-fields.js';
import type { MimePart } from './mime-tree.js';
import type { Splice } from './recipe.js';

const LF = 0x0a;

/** What the lines begin with that divide a message, of all its multiparts. RFC 2046 5.1.1. */
export function delimitersOf({ parameters, children }: MimePart): Buffer[] {
  if (!children) return [];
  const boundary = parameters.get('boundary');
  const own = boundary === undefined ? [] : [Buffer.from(`--${boundary}`, 'latin1')];
  return [...own, ...children.flatMap(delimitersOf)];
}

/** Would a line that is written anew divide the message? What stood behind other words on its line, or was encoded, is then a boundary. */
export function dividesAnew(raw: Buffer, delimiters: readonly Buffer[], splices: readonly Splice[]): boolean {
  return splices.some((one) => {
    const lines = changedLines(raw, one);
    return delimiters.some((delimiter) => beginsLine(lines, delimiter));
  });
}

/** The lines of which something is new, whole. */
function changedLines(raw: Buffer, { at, remove, bytes }: Splice): Buffer {
  const start = at === 0 ? 0 : raw.lastIndexOf(LF, at - 1) + 1;
  const isWhole = bytes.length > 0 ? bytes.at(-1) === LF : start === at;
  const rest = at + remove;
  if (start === at && isWhole) return bytes;
  return Buffer.concat([
    raw.subarray(start, at),
    bytes,
    raw.subarray(rest, isWhole ? rest : lineEnd(raw, rest, raw.length)),
  ]);
}

function beginsLine(lines: Buffer, delimiter: Buffer): boolean {
  for (let at = lines.indexOf(delimiter); at !== -1; at = lines.indexOf(delimiter, at + 1)) {
    if (at === 0 || lines[at - 1] === LF) return true;
  }
  return false;
}

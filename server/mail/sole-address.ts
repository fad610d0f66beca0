import { tryAddress } from './address.js';

/**
 * The one address in the value of a From header (unfolded, not decoded), normalised; null where there are none, several or a group, or where it cannot be read
 * for certain. Names, quoted or encoded, and comments are no part of it: they are what a sender may choose freely.
 */
export function soleAddress(value: string): string | null {
  const bare = withoutNames(value);
  if (bare === null || /[,;:]/.test(bare)) return null;
  const inBrackets = /^[^<>]*<([^<>]*)>\s*$/.exec(bare)?.[1];
  const address = inBrackets ?? (/[<>]/.test(bare) ? null : bare);
  return address === null ? null : (tryAddress(address.trim())?.normal ?? null);
}

/** Quoted strings become one quotation mark, comments a blank; null where one does not end. */
function withoutNames(value: string): string | null {
  let bare = '';
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < value.length; at += 1) {
    const letter = value.charAt(at);
    if (letter === '\\' && (isQuoted || depth > 0)) at += 1;
    else if (isQuoted) isQuoted = letter !== '"';
    else if (letter === '(') depth += 1;
    else if (letter === ')' && depth > 0) depth -= 1;
    else if (depth === 0) {
      isQuoted = letter === '"';
      bare += letter;
    }
    if (letter === ')' && depth === 0) bare += ' ';
  }
  return isQuoted || depth > 0 ? null : bare;
}

import { isAutomatic } from './automatic.js';
import { hasStrangeLines } from './header-lines.js';
import { plainHeaders, readMail, type MailHeader } from './read-mail.js';
import { NotCounted } from './dkim-signature.js';
import { soleAddress } from './sole-address.js';
import { firstTypedLine, isOneWord } from './typed-line.js';

/** What an answer must be to confirm (T14), but for its signature. */
export interface Wanted {
  /** The address that was asked, normalised. */
  readonly from: string;
  /** The address that it was asked to answer to, in lower case. */
  readonly to: string;
  /** The word that the mail asked for. */
  readonly word: string;
}

/** An answer that says yes, if its signature is good. */
export interface Answer {
  /** The word as it was typed. */
  readonly line: string;
  /** null: it has none that can be written down. */
  readonly messageId: string | null;
}

/**
 * Reads an answer: from that one address, to that one, by no program, its first typed line that one word. Says why not otherwise. To must name our address,
 * since it is signed: what somebody once said yes to elsewhere is no answer to this.
 */
export function readAnswer(raw: Buffer, wanted: Wanted): Answer | NotCounted {
  if (hasStrangeLines(raw)) return new NotCounted('its lines do not end as those of a mail do');
  const headers = plainHeaders(raw);
  const [from, ...otherFrom] = valuesOf(headers, 'from');
  if (from === undefined || otherFrom.length > 0) return new NotCounted('it must have one From');
  if (soleAddress(from) !== wanted.from)
    return new NotCounted('its From must be the address that was asked, and no other');
  const [to, ...otherTo] = valuesOf(headers, 'to');
  if (to === undefined || otherTo.length > 0 || !names(to, wanted.to))
    return new NotCounted('its To must name the address that it was sent to');
  if (isAutomatic(headers)) return new NotCounted('it was sent by a program');
  if (['content-type', 'content-transfer-encoding'].some((name) => valuesOf(headers, name).length > 1))
    return new NotCounted('it can be read in several ways');
  const line = firstTypedLine(readMail(raw));
  if (!isOneWord(line, wanted.word)) return new NotCounted(`its first line must be the word ${wanted.word} alone`);
  const messageId = valuesOf(headers, 'message-id')[0] ?? '';
  return { line, messageId: /^<[\x21-\x7e]{1,250}>$/.test(messageId) ? messageId : null };
}

function valuesOf(headers: readonly MailHeader[], name: string): string[] {
  return headers.filter((header) => header.name.toLowerCase() === name).map(({ value }) => value);
}

function names(value: string, address: string): boolean {
  const words = value.toLowerCase().split(/[\s<>,;:"()]+/);
  return words.includes(address);
}

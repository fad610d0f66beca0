import { Refusal } from '../errors.js';
import { fieldsNamed, lineEnd, readHeader } from './mime-fields.js';
import { headerValue, readHeaders } from './read-mail.js';
import { soleAddress } from './sole-address.js';

/** Somebody's finished message, without what it says of its way and of its readers. */
export interface StrippedMessage {
  /** Its header is what its author said and how its body is to be read; the body is as it was. */
  readonly raw: Buffer;
  /** Normalised; null: none, or more than one. */
  readonly from: string | null;
  /** Decoded. */
  readonly subject: string;
}

/** What an author says; all else is about one sending of it, or of one reader (F-01). */
const KEPT = ['from', 'reply-to', 'subject', 'mime-version', 'organization', 'importance', 'content-language'];

/**
 * A message that was saved from a mail program, or sent to oneself, as a template for others. `keepsFrom`: whether it may stay in the name of that address. Throws
 * `message-refused`, with the reason in words, for a header on which programs would not agree.
 */
export function stripMessage(given: Buffer, keepsFrom: (address: string) => boolean): StrippedMessage {
  const start = /^>?From [^\n:]*\n/.test(given.toString('latin1', 0, 200)) ? lineEnd(given, 0, given.length) : 0;
  const header = readHeader(given, start, given.length);
  if (header.hasJunk || header.isAmbiguous || header.fields.length === 0)
    throw refused('a line of its header is no field');
  for (const name of ['from', 'subject', 'content-type', 'content-transfer-encoding', 'mime-version']) {
    if (fieldsNamed(header, name).length > 1) throw refused(`it says ${name} twice`);
  }
  const [fromField] = fieldsNamed(header, 'from');
  const from = fromField ? soleAddress(Buffer.from(fromField.value, 'latin1').toString('utf8')) : null;
  const isKept = (name: string): boolean =>
    (KEPT.includes(name) || name.startsWith('content-')) && (name !== 'from' || (from !== null && keepsFrom(from)));
  const fields = header.fields.filter(({ name }) => isKept(name)).map((one) => given.subarray(one.start, one.end));
  const lines = fields.map((one) => (one.at(-1) === 0x0a ? one : Buffer.concat([one, LINE])));
  const subject = headerValue(readHeaders(given.subarray(start)), 'subject');
  return { raw: Buffer.concat([...lines, LINE, given.subarray(header.body)]), from, subject };
}

const LINE = Buffer.from('\r\n');

function refused(why: string): Refusal {
  return new Refusal('message-refused', `The message is refused: ${why}.`, { why });
}

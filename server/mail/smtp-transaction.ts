import { isAscii } from 'node:buffer';
import { redact } from '../logger.js';
import { SmtpTrouble, type SmtpConnection } from './smtp-connection.js';
import { enhancedCode, frameData, type Reply } from './smtp-wire.js';

/** A prebuilt message, CRLF-clean, and its envelope; `from` is empty for the null sender. */
export interface SmtpMail {
  readonly from: string;
  readonly to: string;
  readonly message: Buffer | Buffer[];
  /** The same in ASCII, for a server without 8BITMIME; null: it cannot be. Made when it is needed. */
  readonly sevenBit?: () => Promise<Buffer[] | null>;
}

/** What became of a mail. Replies hold no mail address and at most 500 characters. */
export type SmtpOutcome =
  | {
      readonly kind: 'sent';
      readonly reply: string;
      readonly at: Date;
      /** Host and port of the server, and how the connection was secured. */
      readonly takenBy: string;
    }
  /** A 5xx to this mail: `command` says whether the sender, the recipient or the message was refused. */
  | {
      readonly kind: 'refused';
      readonly code: number;
      readonly enhanced?: string;
      readonly reply: string;
      readonly command: SmtpCommand;
    }
  /** Nothing was accepted and it may work later. A `code` from 500 means that the server refuses us, not this mail. */
  | { readonly kind: 'deferred'; readonly code?: number; readonly enhanced?: string; readonly reply: string }
  /** The final dot may have reached the server and no answer came: the mail may have been accepted. */
  | { readonly kind: 'unknown'; readonly reply: string };

export type SmtpCommand = 'MAIL' | 'RCPT' | 'DATA';

/** Up to this size a message and its final dot go out in one write. */
const ONE_WRITE = 65_536;

/**
 * Hands one mail over. Throws SmtpTrouble when the session ended before anything of the message was sent: the mail can then be
 * tried on another connection with no risk of a duplicate.
 */
export async function handOver(connection: SmtpConnection, mail: SmtpMail): Promise<SmtpOutcome> {
  const message = await fit(connection, mail);
  if ('kind' in message) return message;
  const parameters = mailParameters(connection, mail, message);
  if (typeof parameters !== 'string') return parameters;
  const commands = [
    ...(connection.needsReset ? ['RSET'] : []),
    `MAIL FROM:<${mail.from}>${parameters}`,
    `RCPT TO:<${mail.to}>`,
    'DATA',
  ];
  const refusal = await agreeOnEnvelope(connection, commands);
  return refusal ? explain(mail, refusal) : transmit(connection, mail, frameData(message));
}

/** RFC 6152 3: 8-bit bytes go only where they are wanted, since a server that changes them breaks our signature (F-17). */
async function fit({ extensions }: SmtpConnection, mail: SmtpMail): Promise<Buffer[] | SmtpOutcome> {
  const message = Array.isArray(mail.message) ? mail.message : [mail.message];
  if (extensions.has('8BITMIME') || message.every(isAscii)) return message;
  const why = 'the mail has bytes outside ASCII, and the mail server does not offer 8BITMIME';
  try {
    const inAscii = await mail.sevenBit?.();
    return inAscii ?? { kind: 'refused', code: 554, enhanced: '5.6.3', reply: `554 5.6.3 ${why}`, command: 'DATA' };
  } catch {
    return { kind: 'deferred', code: 451, reply: `451 4.6.3 ${why}` };
  }
}

interface Refused {
  readonly command: SmtpCommand;
  readonly reply: Reply;
}

function mailParameters(
  connection: SmtpConnection,
  { from, to }: SmtpMail,
  message: readonly Buffer[],
): string | SmtpOutcome {
  const reason = (enhanced: string, reply: string) =>
    ({ kind: 'refused', code: 553, enhanced, reply, command: 'RCPT' }) as const;
  if (![from, to].every(isSafePath) || to === '') return reason('5.1.3', 'The address cannot be written in SMTP.');
  const international = !/^[\x00-\x7f]*$/.test(from + to);
  if (international && !connection.extensions.has('SMTPUTF8')) {
    return reason('5.6.7', 'The address has letters outside ASCII, and the mail server does not offer SMTPUTF8.');
  }
  const size = message.reduce((sum, chunk) => sum + chunk.length, 0);
  return [
    connection.extensions.has('SIZE') ? ` SIZE=${size}` : '',
    connection.extensions.has('8BITMIME') && !message.every(isAscii) ? ' BODY=8BITMIME' : '',
    international ? ' SMTPUTF8' : '',
  ].join('');
}

// An address is written between angle brackets in a line of its own: nothing in it may end either.
function isSafePath(address: string): boolean {
  return address.length <= 320 && !/[\x00-\x20\x7f<>]/.test(address);
}

/** Null when the server waits for the message. RFC 2920: with PIPELINING all commands leave in one write. */
async function agreeOnEnvelope(connection: SmtpConnection, commands: string[]): Promise<Refused | null> {
  const batches = connection.extensions.has('PIPELINING') ? [commands] : commands.map((command) => [command]);
  let refused: Refused | null = null;
  for (const batch of batches) {
    connection.write([`${batch.join('\r\n')}\r\n`]);
    for (const line of batch) refused = await readAnswer(connection, line.slice(0, 4), refused);
    if (refused) break;
  }
  connection.needsReset = refused !== null;
  return refused;
}

async function readAnswer(connection: SmtpConnection, verb: string, refused: Refused | null): Promise<Refused | null> {
  const reply = await connection.reply();
  if (reply.code === 421) throw connection.drop('The server ends the session.', reply);
  const expected = verb === 'DATA' ? reply.code === 354 : reply.code >= 200 && reply.code < 300;
  if (expected && !(refused && verb === 'DATA')) return refused;
  if (expected) {
    // RFC 2920 3.1: a server may want data for no recipient; it gets none.
    connection.write(['.\r\n']);
    await connection.reply();
    return refused;
  }
  if (reply.code < 400 || verb === 'RSET') throw connection.drop('The server answers out of turn.', reply);
  return refused ?? { command: verb as SmtpCommand, reply };
}

async function transmit(connection: SmtpConnection, mail: SmtpMail, framed: Buffer[]): Promise<SmtpOutcome> {
  let isDotSent = false;
  try {
    const last = await transmitAllButTheEnd(connection, framed);
    isDotSent = true;
    connection.write(last);
    const reply = await connection.reply(connection.timeouts.dataEnd);
    if (reply.code === 421) connection.drop('The server ends the session.', reply);
    if (reply.code >= 400) return explain(mail, { command: 'DATA', reply });
    if (reply.code < 300) return { kind: 'sent', reply: clean(reply, mail), at: new Date(), takenBy: connection.peer };
    throw connection.drop('The server answers out of turn.', reply);
  } catch (error) {
    if (!(error instanceof SmtpTrouble)) throw error;
    if (isDotSent) return { kind: 'unknown', reply: error.message };
    // A server that refuses in the middle of a message and hangs up has still answered.
    const early = connection.earlyReply();
    return early && early.code >= 400
      ? explain(mail, { command: 'DATA', reply: early })
      : { kind: 'deferred', reply: error.message };
  }
}

/** Returns what is left to write. A large message is on its way whole before its final dot: until then its loss is certain. */
async function transmitAllButTheEnd(connection: SmtpConnection, framed: Buffer[]): Promise<Buffer[]> {
  if (framed.reduce((sum, chunk) => sum + chunk.length, 0) <= ONE_WRITE) return framed;
  for (const chunk of framed.slice(0, -1)) {
    for (let at = 0; at < chunk.length; at += ONE_WRITE) await connection.flush(chunk.subarray(at, at + ONE_WRITE));
  }
  return framed.slice(-1);
}

function explain(mail: SmtpMail, { command, reply }: Refused): SmtpOutcome {
  const enhanced = enhancedCode(reply);
  const said = { code: reply.code, ...(enhanced ? { enhanced } : {}), reply: clean(reply, mail) };
  return reply.code >= 500 ? { kind: 'refused', ...said, command } : { kind: 'deferred', ...said };
}

/** An answer as it may be kept: servers like to quote addresses, whole or without their domain, in any case. */
export function clean(reply: Reply, mail?: SmtpMail): string {
  const said = reply.lines.join(' ').replace(/[\x00-\x20\x7f-\x9f]+/g, ' ');
  const unnamed = mail ? namesIn(said, mail.to).reduce((text, name) => text.replace(name, '[address]'), said) : said;
  return redact(`${reply.code} ${unnamed}`.trim()).slice(0, 500);
}

/** Which of these an answer may quote: the address, what stands before its @, and that without a "+tag". */
function namesIn(said: string, address: string): RegExp[] {
  const local = address.slice(0, address.lastIndexOf('@'));
  // Most answers quote nobody, and an expression for each mail costs more than its signature. Beyond ASCII, case is no simple matter.
  const isPlain = /^[\x20-\x7e]*$/.test(said + address);
  const lower = said.toLowerCase();
  return [address, local, local.split('+')[0] ?? '']
    .filter((name) => name !== '' && (!isPlain || lower.includes(name.toLowerCase())))
    .map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
    .map((name) => new RegExp(`(?<![\\p{L}\\p{N}])${name}(?![\\p{L}\\p{N}])`, 'giu'));
}

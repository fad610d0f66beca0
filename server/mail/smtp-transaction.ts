import { redact } from '../logger.js';
import { SmtpTrouble, type SmtpConnection } from './smtp-connection.js';
import { planAsItIs, planMail } from './smtp-envelope.js';
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
  | {
      readonly kind: 'deferred';
      readonly code?: number;
      readonly enhanced?: string;
      readonly reply: string;
      /** The session was refused or lost before anything of the mail was sent: another server may be asked. */
      readonly isUntried?: boolean;
    }
  /** The final dot may have reached the server and no answer came: the mail may have been accepted. */
  | { readonly kind: 'unknown'; readonly reply: string };

export type SmtpCommand = 'MAIL' | 'RCPT' | 'DATA';

/** Up to this size a message and its final dot go out in one write. */
const ONE_WRITE = 65_536;

/** A mail that may still be stopped, and the mail to announce behind it. */
export interface SmtpOrder {
  readonly mail: SmtpMail;
  /** Asked once more when the server waits for the message. */
  readonly mayGo: () => boolean;
}

/** Takes the next mail out of the queue, if there is one and it fits: it is handed over next on the same connection. */
export type TakeNext = (fits: (mail: SmtpMail) => boolean) => void;

/**
 * Hands one mail over. With PIPELINING the commands of the next one leave in the same write as the end of this one (RFC 2920 3.1), which spares a round trip and
 * half of the writes. Null: it may not go any more. Throws SmtpTrouble when the session ended before anything of the message was sent: the mail can then be tried
 * on another connection with no risk of a duplicate.
 */
export async function handOver(
  connection: SmtpConnection,
  order: SmtpOrder,
  takeNext: TakeNext,
): Promise<SmtpOutcome | null> {
  const { mail } = order;
  const { announced } = connection;
  connection.announced = null;
  const planned = announced ?? (await planMail(connection, mail));
  if ('kind' in planned) return planned;
  const refusal = await agreeOnEnvelope(connection, planned.commands, announced !== null);
  if (refusal) return explain(mail, refusal);
  connection.expectAlive();
  if (!order.mayGo()) {
    // The server waits for a message, and there is no other way to take that back.
    connection.drop('The mail may not go any more.');
    return null;
  }
  return transmit(connection, mail, frameData(planned.message), takeNext);
}

interface Refused {
  readonly command: SmtpCommand;
  readonly reply: Reply;
}

/** Null when the server waits for the message. RFC 2920: with PIPELINING all commands leave in one write; announced ones have left. */
async function agreeOnEnvelope(
  connection: SmtpConnection,
  commands: readonly string[],
  isAnnounced: boolean,
): Promise<Refused | null> {
  const batches = connection.extensions.has('PIPELINING') ? [commands] : commands.map((command) => [command]);
  let refused: Refused | null = null;
  for (const batch of batches) {
    if (!isAnnounced) connection.write([inLines(batch)]);
    for (const line of batch) refused = await readAnswer(connection, line.slice(0, 4), refused);
    if (refused) break;
  }
  connection.needsReset = refused !== null;
  return refused;
}

function inLines(commands: readonly string[]): Buffer {
  return Buffer.from(`${commands.join('\r\n')}\r\n`, 'utf8');
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

async function transmit(
  connection: SmtpConnection,
  mail: SmtpMail,
  framed: Buffer[],
  takeNext: TakeNext,
): Promise<SmtpOutcome> {
  let isDotSent = false;
  try {
    const last = await transmitAllButTheEnd(connection, framed);
    isDotSent = true;
    connection.write([...last, ...announce(connection, takeNext)]);
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

/** The commands of the next mail, when the server takes them before its answer and the mail can go as it is. */
function announce(connection: SmtpConnection, takeNext: TakeNext): Buffer[] {
  if (!connection.extensions.has('PIPELINING')) return [];
  takeNext((mail) => {
    const planned = planAsItIs(connection, mail);
    if (!planned || 'kind' in planned) return false;
    connection.announced = planned;
    return true;
  });
  return connection.announced ? [inLines(connection.announced.commands)] : [];
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

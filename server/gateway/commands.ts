import type { Context } from '../context.js';
import { logIn, type Credential } from './credential.js';
import type { Doorkeeper, Limits } from './limits.js';
import { noteUse } from './note-use.js';
import type { SendRecord } from './take-transactional.js';
import { beginTransaction, dropTransaction, endTransaction, refuseRecipient, type Transaction } from './transaction.js';

/** What all connections share. */
export interface Desk {
  readonly ctx: Context;
  readonly limits: Limits;
  readonly door: Doorkeeper;
  readonly record: SendRecord;
}

/** What is known of one connection. */
export interface Visit {
  readonly address: string;
  /** Says why, and ends the connection. */
  readonly hangUp: (why: string) => void;
  credential: Credential | null;
  transaction: Transaction | null;
  tries: number;
  /** Until somebody has logged in. */
  timer: NodeJS.Timeout | undefined;
}

/** An answer other than yes: `responseCode`, and what is said to the client. */
export class SmtpError extends Error {
  constructor(
    readonly responseCode: number,
    message: string,
  ) {
    super(message);
  }
}

const MOST_TRIES = 3;

/** AUTH. A wrong password is answered late, and only so often (T12). Throws SmtpError. */
export async function authenticate(
  { ctx, door }: Desk,
  visit: Visit,
  { username = '', password }: { username?: string | undefined; password?: string | null | undefined },
): Promise<Credential> {
  if (!door.mayTry(visit.address)) throw new SmtpError(454, '4.7.0 too many wrong passwords: try later');
  const credential = await logIn(ctx, username, password ?? '');
  if (!credential) {
    visit.tries += 1;
    const delay = door.noteFailure(visit.address);
    await new Promise((resolve) => setTimeout(resolve, delay));
    if (visit.tries >= MOST_TRIES) setImmediate(() => visit.hangUp('4.7.0 too many wrong passwords'));
    throw new SmtpError(535, '5.7.8 user or password is wrong');
  }
  visit.credential = credential;
  clearTimeout(visit.timer);
  await noteUse(ctx, credential);
  ctx.logger.debug({ credential: credential.id }, 'somebody logged in to the gateway');
  return credential;
}

/** MAIL. Throws SmtpError. */
export async function begin({ ctx, door }: Desk, visit: Visit, sender: string): Promise<void> {
  if (!visit.credential) throw new SmtpError(530, '5.7.0 log in first; from another machine only after STARTTLS');
  if (await door.isFull()) throw new SmtpError(452, '4.3.1 too much mail waits to leave: try later');
  await leave({ ctx }, visit);
  const begun = await beginTransaction(ctx, visit.credential, sender);
  if ('code' in begun) throw new SmtpError(begun.code, begun.text);
  visit.transaction = begun;
}

/** RCPT. Throws SmtpError. */
export async function name({ ctx, door }: Desk, { transaction }: Visit, to: string): Promise<void> {
  if (!transaction) throw new SmtpError(503, '5.5.1 need MAIL first');
  if (!door.mayName(transaction.credential.id, 1))
    throw new SmtpError(451, '4.7.1 too many recipients in a minute: try later');
  const refusal = await refuseRecipient(ctx, transaction, to);
  if (refusal) throw new SmtpError(refusal.code, refusal.text);
}

/** DATA, to the last dot. Returns what is said with 250, once all is committed (promise 2). Throws SmtpError. */
export async function end(
  { ctx, limits, record }: Desk,
  visit: Visit,
  of: Omit<Parameters<typeof endTransaction>[2], 'record'>,
): Promise<string> {
  const { transaction } = visit;
  if (!transaction) throw new SmtpError(503, '5.5.1 need MAIL first');
  visit.transaction = null;
  const timer = setTimeout(() => visit.hangUp('4.4.2 it takes too long'), limits.mailMs);
  try {
    const said = await endTransaction(ctx, transaction, { ...of, record });
    if (said.code !== 250) throw new SmtpError(said.code, said.text);
    return said.text;
  } finally {
    clearTimeout(timer);
  }
}

/** The transaction ended without DATA, or the connection did. */
export async function leave({ ctx }: Pick<Desk, 'ctx'>, visit: Visit): Promise<void> {
  const { transaction } = visit;
  visit.transaction = null;
  if (transaction) await dropTransaction(ctx, transaction);
}

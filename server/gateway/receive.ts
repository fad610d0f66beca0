import { randomUUID } from 'node:crypto';
import { catalogue, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { NewDelivery } from '../delivery/queue.js';
import type { Address } from '../mail/address.js';
import { prepareMessage } from '../mail/footer-engine.js';
import type { Submission } from '../mail/submission.js';
import { judgeForList, judgeTransactional, skippedOf, type Judged } from './judge.js';
import { listInScope, type NamedList } from './list-of.js';
import { answerTo, readIn, type Answer, type ReadMail, type ToRead } from './read-in.js';
import { reportSkipped } from './report-skipped.js';
import { openSpool, readSpool, type Spool } from './spool.js';
import { noteRefusedMail, takeMail } from './take-mail.js';
import { takeTransactional, type SendRecord } from './take-transactional.js';
import { makeTurns } from './turns.js';
import type { NewMail } from './write-mails.js';

/** A mail as a client hands it in. */
export interface Incoming extends ToRead {
  /** As the envelope names it, or the credential; its recipients were judged at RCPT. */
  readonly list: NamedList;
  /** Of the envelope; empty for none. */
  readonly sender: string;
  readonly recipients: readonly Address[];
  /** Who was refused at RCPT. */
  readonly refused: readonly Judged[];
  readonly record: SendRecord;
}

/** One sentence for every reason: who may send learns that, and no more. */
export const CANNOT = 'may not be mailed now (no consent on record, paused, suppressed or restricted)';

/** What is checked takes several times its own size. */
const inTurn = makeTurns();

/**
 * Takes a mail from its first byte to its commit, and says what is answered: 250 once mail and deliveries are committed (promise 2), else why not. Nothing is kept
 * of a mail whose connection broke: then the stream throws.
 */
export async function receive(ctx: Context, incoming: Incoming): Promise<Answer> {
  const spool = openSpool(ctx, randomUUID());
  try {
    const read = await readIn(ctx, incoming, spool);
    const answer = 'code' in read ? read : await decide(ctx, incoming, { ...read, spool });
    if (answer.code === 250) return answer;
    await spool.discard();
    const subject = 'code' in read ? '' : read.submission.subject;
    await noteRefusedMail(
      ctx,
      newMail(ctx, incoming, { spool, subject, list: null, judged: [], refusal: answer.text, raw: null }),
    );
    return answer;
  } catch (error) {
    await spool.discard();
    throw error;
  }
}

type Spooled = ReadMail & { readonly spool: Spool };

async function decide(ctx: Context, incoming: Incoming, spooled: Spooled): Promise<Answer> {
  const { credential, recipients } = incoming;
  const raw = await spooled.spool.finish();
  if (credential.isTransactional) {
    if (spooled.submission.list !== null) return { code: 550, text: '5.7.1 this credential is for mail of no list' };
    const judged = await judgeTransactional(ctx, spooled.organisation, recipients);
    return commit(ctx, incoming, { ...spooled, raw, list: null, judged });
  }
  const list = await listOf(ctx, incoming, spooled.submission);
  if (typeof list === 'string') return { code: 550, text: `5.7.1 ${list}` };
  try {
    // As it will be read for each recipient: what cannot get a footer is refused now (promise 8).
    if (raw) prepareMessage(raw, { signed: 'wrap' });
    else await inTurn(async () => prepareMessage(await readSpool(ctx.db, spooled.spool), { signed: 'wrap' }));
  } catch (error) {
    return answerTo(error);
  }
  return commit(ctx, incoming, { ...spooled, raw, list, judged: await judgeForList(ctx, list, recipients) });
}

async function listOf(ctx: Context, incoming: Incoming, { list }: Submission): Promise<ListFacts | string> {
  const named = list === null ? incoming.list : listInScope(await catalogue(ctx), incoming.credential, list);
  return (
    named ??
    'no list is named: set the header X-Zgoda-List, send from bounce+LIST@, or give the credential a default list'
  );
}

interface Decided extends Spooled {
  readonly raw: Buffer | null;
  readonly list: ListFacts | null;
  readonly judged: readonly Judged[];
}

async function commit(ctx: Context, incoming: Incoming, decided: Decided): Promise<Answer> {
  const { credential } = incoming;
  const { list, judged, spool, raw, submission } = decided;
  const good = judged.filter(({ why }) => why === null);
  const bad = judged.length - good.length;
  // Whoever was let in at RCPT and may not be mailed any more is skipped, as anybody who leaves before it is sent.
  const isTold = credential.policy === 'skip' || list === null || incoming.list === list;
  if (good.length === 0 || (bad > 0 && !isTold)) {
    const who = judged.length === 1 ? 'the recipient' : `${bad} of ${judged.length} recipients`;
    return { code: 550, text: `5.7.1 ${nameOf(list)}: ${who} ${CANNOT}; nothing was sent` };
  }
  const mail = newMail(ctx, incoming, { spool, subject: submission.subject, list, judged, refusal: null, raw });
  const taken = list
    ? await takeMail(ctx, { mail, deliveries: good.map((one) => deliveryOf(mail.id, one)) })
    : await takeTransactional(ctx, {
        mail,
        credential,
        organisation: decided.organisation,
        people: good,
        record: incoming.record,
      });
  if (taken === 'cap') return { code: 452, text: '4.7.1 the daily cap of this credential is reached' };
  if (!taken) return { code: 535, text: '5.7.8 the credential was revoked' };
  if (list && bad > 0 && credential.policy === 'skip') await report(ctx, incoming, { ...decided, list });
  const skipped = bad > 0 ? `, ${bad} skipped: ${bad === 1 ? 'it' : 'they'} ${CANNOT}` : '';
  return { code: 250, text: `2.0.0 taken as ${mail.id} for ${good.length}${skipped}` };
}

/** The mail is committed: whatever happens here, 250 is the answer. */
async function report(
  ctx: Context,
  { credential, sender }: Incoming,
  { list, judged, submission }: Decided & { readonly list: ListFacts },
): Promise<void> {
  const skipped = judged.filter(({ why }) => why !== null).map(({ address }) => address);
  try {
    await reportSkipped(ctx, { credential, list, sender, subject: submission.subject, skipped });
  } catch (error) {
    ctx.logger.warn({ err: error }, 'a sender could not be told who was skipped');
  }
}

function nameOf(list: ListFacts | null): string {
  return list ? `list ${list.slug}` : 'transactional mail';
}

function deliveryOf(messageId: string, { subscriberId, consentId }: Judged): NewDelivery {
  return { messageId, subscriberId: subscriberId ?? '', kind: 'gateway', template: 'gateway', consentId };
}

function newMail(
  ctx: Context,
  { credential, refused }: Incoming,
  of: {
    readonly spool: Spool;
    readonly subject: string;
    readonly list: ListFacts | null;
    readonly judged: readonly Judged[];
    readonly refusal: string | null;
    readonly raw: Buffer | null;
  },
): NewMail {
  const { spool, subject, refusal, raw } = of;
  return {
    ...{ id: spool.id, organisationId: credential.organisationId, credentialId: credential.id },
    ...{ listId: of.list?.id ?? null, bytes: spool.bytes, key: spool.key, subject, refusal, raw },
    recipients: of.judged.filter(({ why }) => why === null).length,
    skipped: skippedOf([...refused, ...of.judged]),
    receivedAt: ctx.now(),
  };
}

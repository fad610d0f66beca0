import { createHash } from 'node:crypto';
import { replyDomainOf } from '../consent/catalogue.js';
import type { Offer } from '../consent/confirm.js';
import { confirmByReply, findAnswerable } from '../consent/confirm-reply.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import type { DkimEvidence } from '../ledger/evidence.js';
import { parseAddress } from '../mail/address.js';
import { NotCounted } from '../mail/dkim-signature.js';
import { readAnswer, type Answer } from '../mail/reply.js';
import { checkDkim, LATER } from './check-dkim.js';
import type { Lookup } from './dns.js';

/** A mail to an address for answers. */
export interface Reply {
  /** What the address carries. */
  readonly secret: Buffer;
  /** The address as the envelope had it. */
  readonly to: string;
  /** Of the envelope; empty for a bounce. */
  readonly sender: string;
  readonly raw: Buffer;
}

export interface HowToJudge {
  readonly lookup: Lookup;
  /** The word that confirmation mails in a language ask for. */
  readonly wordOf: (language: string) => string;
}

/**
 * Takes an answer to a confirmation mail: it confirms (T14), or it does not count and changes nothing, or it must come again, since the DNS is away. The sender
 * and what he wrote are looked at before anybody is asked in the DNS.
 */
export async function takeReply(
  ctx: Context,
  reply: Reply,
  how: HowToJudge,
): Promise<'confirmed' | NotCounted | typeof LATER> {
  const offer = await find(ctx, reply.secret);
  if (offer instanceof NotCounted) return offer;
  const domain = replyDomainOf(offer.list);
  if (!domain) return new NotCounted('this list takes no answers');
  if (reply.sender === '') return new NotCounted('it was sent by a program');
  const from = parseAddress(offer.address);
  const to = `${reply.to.slice(0, reply.to.lastIndexOf('@'))}@${domain}`.toLowerCase();
  const answer = readAnswer(reply.raw, { from: from.normal, to, word: how.wordOf(offer.language) });
  if (answer instanceof NotCounted) return answer;
  const signed = ['from', 'to'];
  const dkim = await checkDkim({
    ...{ raw: reply.raw, fromDomain: from.domain, signed, lookup: how.lookup, now: ctx.now() },
  });
  if (dkim === LATER || dkim instanceof NotCounted) return dkim;
  const evidence = evidenceOf(reply, offer, answer, dkim);
  return keep(async () => confirmByReply(ctx, offer, { secret: reply.secret, evidence, raw: reply.raw }));
}

function evidenceOf({ raw }: Reply, { language }: Offer, { line, messageId }: Answer, dkim: DkimEvidence) {
  return {
    ...{ method: 'reply' as const, language, word: line },
    ...(messageId ? { message_id: messageId } : {}),
    sha256: createHash('sha256').update(raw).digest('hex'),
    dkim,
  };
}

async function find(ctx: Context, secret: Buffer): Promise<Offer | NotCounted> {
  try {
    return await findAnswerable(ctx, secret);
  } catch (error) {
    return overOr(error);
  }
}

async function keep(write: () => Promise<unknown>): Promise<'confirmed' | NotCounted> {
  try {
    await write();
    return 'confirmed';
  } catch (error) {
    return overOr(error);
  }
}

/** What was asked is over, for good. Everything else flies, also that the list cannot be joined at present: the mail comes again. */
function overOr(error: unknown): NotCounted {
  const isOver = error instanceof Refusal && (error.code === 'link-expired' || error.code === 'link-used');
  if (isOver) return new NotCounted('what it answers is over');
  throw error;
}

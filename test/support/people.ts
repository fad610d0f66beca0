import { randomUUID } from 'node:crypto';
import { blindIndex, suppressionHash } from '../../server/keys/blind-index.js';
import { act, openConsents } from '../../server/consent/act.js';
import { listBySlug, wordingOf } from '../../server/consent/catalogue.js';
import { evidenceKey } from '../../server/consent/chapter.js';
import { listRecord } from '../../server/consent/facts.js';
import { subscribe } from '../../server/consent/subscribe.js';
import { openSubscribers } from '../../server/consent/subscriber.js';
import type { Context } from '../../server/context.js';
import { prepareEvent } from '../../server/ledger/append.js';
import { parseAddress } from '../../server/mail/address.js';

export interface Person {
  readonly address: string;
  readonly subscriberId: string;
  readonly consentId: string;
}

/** Somebody who confirmed, written by the real actions: events, seals and all, but without the mail between. */
export async function addConfirmed(ctx: Context, given: string, slug = 'news'): Promise<Person> {
  const list = await listBySlug(ctx, slug);
  const address = parseAddress(given);
  const wording = wordingOf(list, 'en');
  const signUpId = await subscribe(ctx, {
    ...{ list, wording, language: 'en', address, formHost: 'shop.example', source: 'form' },
    ...{ ip: '192.0.2.1', userAgent: 'test' },
  });
  const organisationId = list.organisation.id;
  const person = {
    organisationId,
    blindIndex: blindIndex(ctx.keyring, organisationId, address.normal),
    suppressionHash: suppressionHash(ctx.keyring, organisationId, address.normal),
    address: address.given,
    language: 'en',
  };
  const [subscriberId = ''] = await openSubscribers(ctx.db, ctx, [person]);
  const [consent] = await openConsents(ctx.db, ctx, [{ subscriberId, purposeId: list.id, signUpId }]);
  if (!consent) throw new Error('a consent that was just made is gone');
  // Decided already: a worker leaves it alone.
  await ctx.db.query(`update sign_up set outcome = 'confirm', consent_id = $2, purge_at = null where id = $1`, [
    signUpId,
    consent.id,
  ]);
  const [chapter] = await ctx.db.query<{ key: Buffer; commitment: Buffer }>(
    'select evidence_key as key, requested_commitment as commitment from sign_up where id = $1',
    [signUpId],
  );
  if (!chapter) throw new Error('a sign-up that was just made is gone');
  const at = ctx.now();
  const event = prepareEvent(ctx.keyring, {
    ...{ id: randomUUID(), signUpId, kind: 'confirmed', happenedAt: at, fields: {} },
    evidenceKey: evidenceKey(ctx.keyring, signUpId, chapter.key),
    record: {
      ...listRecord(list, wording, 'en'),
      entity: 'subject',
      prev_event_commit: chapter.commitment.toString('base64'),
    },
  });
  const change = { state: 'confirmed', basis: 'confirmed', signUpId, confirmedAt: at } as const;
  if (!(await act(ctx.db, ctx, consent, change, event))) throw new Error('somebody else changed a new consent');
  return { address: given, subscriberId, consentId: consent.id };
}

/** So many people: person0@..., person1@... */
export async function addMany(ctx: Context, count: number, domain = 'example.com', slug = 'news'): Promise<Person[]> {
  const people: Person[] = [];
  for (let at = 0; at < count; at += 20) {
    const some = Array.from({ length: Math.min(20, count - at) }, (_, i) => `person${at + i}@${domain}`);
    people.push(...(await Promise.all(some.map(async (address) => addConfirmed(ctx, address, slug)))));
  }
  return people;
}

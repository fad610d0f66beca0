import type { OrganisationFacts } from '../consent/catalogue.js';
import { openSubscribers } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { queueDeliveries } from '../delivery/queue.js';
import { blindIndex, suppressionHash } from '../keys/blind-index.js';
import type { Credential } from './credential.js';
import type { Judged } from './judge.js';
import { writeMails, type NewMail } from './write-mails.js';

/** Where it is written down to whom transactional mail goes; an edge brings it, as staff's records lie to the right of us. */
export interface SendRecord {
  /** Advisory lock that the transaction holds. */
  readonly lock: number;
  write(
    ctx: Context,
    tx: Tx,
    sends: readonly { readonly credentialId: string; readonly subscriberId: string }[],
  ): Promise<void>;
}

/** A mail that belongs to no list, and who gets it: anybody, known or not. */
export interface TransactionalMail {
  readonly mail: NewMail;
  readonly credential: Credential;
  readonly organisation: OrganisationFacts;
  readonly people: readonly Judged[];
  /** null: it is a report of ours. */
  readonly record: SendRecord | null;
}

/**
 * Takes a transactional mail, in one transaction: recipients who are not known become subscribers of no list until its bounces are over. `cap`: it would be more
 * than the credential may send on this day (T12); false: the credential was revoked. Nothing was written then.
 */
export async function takeTransactional(ctx: Context, given: TransactionalMail): Promise<boolean | 'cap'> {
  const { mail, credential, organisation, people, record } = given;
  const taken = await ctx.db.transaction(async (tx) => {
    if (!(await isWithinCap(ctx, tx, credential, people.length))) return 'cap';
    if ((await writeMails(tx, ctx, [mail])).size === 0) return false;
    const subscribers = await openSubscribers(
      tx,
      ctx,
      people.map(({ address }) => ({
        organisationId: organisation.id,
        blindIndex: blindIndex(ctx.keyring, organisation.id, address.normal),
        suppressionHash: suppressionHash(ctx.keyring, organisation.id, address.normal),
        ...{ address: address.given, language: organisation.language },
      })),
    );
    const delivery = {
      messageId: mail.id,
      kind: 'transactional',
      template: record ? 'gateway' : 'report',
      consentId: null,
    } as const;
    await queueDeliveries(
      tx,
      ctx,
      subscribers.map((subscriberId) => ({ ...delivery, subscriberId })),
      ctx.now(),
    );
    await record?.write(
      ctx,
      tx,
      subscribers.map((subscriberId) => ({ credentialId: credential.id, subscriberId })),
    );
    return true;
  }, record?.lock);
  ctx.bell.ring('mail');
  return taken;
}

async function isWithinCap(ctx: Context, tx: Tx, { id, dailyCap }: Credential, more: number): Promise<boolean> {
  if (dailyCap === null) return true;
  if (more > dailyCap) return false;
  const counted = await tx.query(
    `insert into gateway_use (credential_id, day, recipients) values ($1, ($2::timestamptz at time zone 'utc')::date, $3)
     on conflict (credential_id, day) do update set recipients = gateway_use.recipients + excluded.recipients
     where gateway_use.recipients + excluded.recipients <= $4 returning 1`,
    [id, ctx.now(), more, dailyCap],
  );
  return counted.length > 0;
}

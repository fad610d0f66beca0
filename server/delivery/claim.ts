import type { ConsentState, Frequency } from '../../entities/consent.js';
import type { DeliveryKind } from '../../entities/delivery.js';
import { isOurConsent } from '../consent/act.js';
import { catalogue, listIn, type Catalogue } from '../consent/catalogue.js';
import { openAddress, openAttributes } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import { suppressionHash } from '../keys/blind-index.js';
import { mailableAddress, parseAddress } from '../mail/address.js';
import { LEASE_MS } from './leases.js';
import { isOurDelivery } from './queue.js';
import { toColumns, type Outcome } from './settle.js';

/** A mail in flight: marked `sending` under our lease, its basis judged in the same transaction (promise 1). */
export interface Claimed {
  readonly messageId: string;
  readonly subscriberId: string;
  readonly kind: DeliveryKind;
  readonly template: string;
  /** 1 at the first try. */
  readonly attempts: number;
  readonly organisationId: string;
  /** As envelopes take it. */
  readonly address: string;
  readonly language: string;
  readonly consent: ClaimedConsent | null;
  /** Since when it is tried in vain because no server takes our mail. */
  readonly failingSince: Date | null;
  /** What is known of the person by name; decrypted only where a text asks for it. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ClaimedConsent {
  readonly id: string;
  readonly purposeId: string;
  readonly signUpId: string;
  readonly state: ConsentState;
  readonly basis: string | null;
  readonly confirmedAt: Date | null;
  readonly lastEventId: string | null;
  readonly frequency: Frequency;
  readonly unsubscribeRef: Buffer;
  readonly preferencesRef: Buffer;
  readonly mailtoRef: Buffer;
}

interface Row {
  message_id: string;
  subscriber_id: string;
  kind: DeliveryKind;
  template: string;
  attempts: number;
  seal: Buffer;
  organisation_id: string;
  suppression_hash: Buffer | null;
  profile_key: Buffer;
  address: Buffer;
  language: string;
  consent_id: string | null;
  purpose_id: string;
  consent_state: ConsentState;
  basis: string | null;
  sign_up_id: string;
  last_event_id: string | null;
  frequency: Frequency;
  paused_until: Date | null;
  confirmed_at: Date | null;
  unsubscribe_ref: Buffer;
  preferences_ref: Buffer;
  mailto_ref: Buffer;
  consent_seal: Buffer;
  topics: string[] | null;
  attributes: Buffer | null;
  failing_since: Date | null;
  /** Its last event has a successor: an earlier row was put back. */
  is_followed: boolean;
}

export interface Claim {
  readonly good: Claimed[];
  /** Rows that we did not write: they are not sent, and somebody should know (T6). */
  readonly forged: Unclaimed[];
  /** Rows that cannot be read, damaged or under a key that is not in the keys file: they must not hold up the others. */
  readonly unreadable: (Unclaimed & { readonly error: unknown })[];
}

type Unclaimed = Pick<Claimed, 'messageId' | 'subscriberId' | 'attempts'>;

/**
 * Takes up to `most` due mails of some kinds. `outcomes`: what became of earlier ones, none of them refused, written first in the same statement; either all of it
 * happens or nothing.
 */
export async function claim(
  ctx: Context,
  worker: string,
  kinds: readonly DeliveryKind[],
  most: number,
  outcomes: readonly Outcome[] = [],
): Promise<Claim> {
  const known = await catalogue(ctx);
  const at = ctx.now();
  const lease = new Date(at.getTime() + LEASE_MS);
  const rows =
    outcomes.length === 0
      ? await ctx.db.query<Row>('select * from claim_deliveries($1, $2, $3, $4, $5)', [worker, at, lease, kinds, most])
      : await ctx.db.query<Row>(
          'select * from settle_and_claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)',
          [...toColumns(worker, at, outcomes), lease, kinds, most],
        );
  const result: Claim = { good: [], forged: [], unreadable: [] };
  for (const row of rows) {
    const delivery = { messageId: row.message_id, subscriberId: row.subscriber_id, attempts: row.attempts };
    try {
      if (isOurs(ctx, row) && isAccepted(known, row)) result.good.push(open(ctx, row));
      else result.forged.push(delivery);
    } catch (error) {
      result.unreadable.push({ ...delivery, error });
    }
  }
  return result;
}

function isOurs(ctx: Context, row: Row): boolean {
  const delivery = {
    messageId: row.message_id,
    subscriberId: row.subscriber_id,
    kind: row.kind,
    template: row.template,
    consentId: row.consent_id,
    seal: row.seal,
  };
  if (!isOurDelivery(ctx.keyring, delivery)) return false;
  if (row.consent_id === null) return true;
  if (row.is_followed) return false;
  return isOurConsent(ctx.keyring, {
    id: row.consent_id,
    subscriberId: row.subscriber_id,
    purposeId: row.purpose_id,
    state: row.consent_state,
    basis: row.basis,
    signUpId: row.sign_up_id,
    lastEventId: row.last_event_id,
    frequency: row.frequency,
    pausedUntil: row.paused_until,
    topics: row.topics ?? [],
    confirmedAt: row.confirmed_at,
    unsubscribeRef: row.unsubscribe_ref,
    preferencesRef: row.preferences_ref,
    mailtoRef: row.mailto_ref,
    seal: row.consent_seal,
  });
}

// The database judged by what it holds; what an organisation says counts only as it was set up with our keys.
function isAccepted(known: Catalogue, row: Row): boolean {
  const organisation = known.organisations.find((one) => one.id === row.organisation_id);
  if (!organisation?.isOurs) throw new Error('what the organisation says is not what was set up');
  if (row.kind !== 'campaign' && row.kind !== 'gateway') return true;
  return listIn(known, row.purpose_id).acceptedBases.includes(row.basis ?? '');
}

function open(ctx: Context, row: Row): Claimed {
  const consent: ClaimedConsent | null = row.consent_id
    ? {
        id: row.consent_id,
        purposeId: row.purpose_id,
        signUpId: row.sign_up_id,
        state: row.consent_state,
        basis: row.basis,
        confirmedAt: row.confirmed_at,
        lastEventId: row.last_event_id,
        frequency: row.frequency,
        unsubscribeRef: row.unsubscribe_ref,
        preferencesRef: row.preferences_ref,
        mailtoRef: row.mailto_ref,
      }
    : null;
  let known: Claimed['attributes'] | null = null;
  return {
    ...{ messageId: row.message_id, subscriberId: row.subscriber_id, kind: row.kind, template: row.template },
    attempts: row.attempts,
    organisationId: row.organisation_id,
    address: addressOf(ctx, row),
    language: row.language,
    consent,
    failingSince: row.failing_since,
    get attributes() {
      if (!row.attributes) return NOTHING_KNOWN;
      known ??= openAttributes(ctx.keyring, {
        ...{ id: row.subscriber_id, profileKey: row.profile_key, attributes: row.attributes },
      });
      return known;
    },
  };
}

const NOTHING_KNOWN: Claimed['attributes'] = {};

// Suppressions were looked for by the hash in the row: it must be that of the address to which the mail goes.
function addressOf(ctx: Context, row: Row): string {
  const address = openAddress(ctx.keyring, {
    ...{ id: row.subscriber_id, profileKey: row.profile_key, address: row.address },
  });
  const hash = suppressionHash(ctx.keyring, row.organisation_id, parseAddress(address).normal);
  if (!row.suppression_hash?.equals(hash)) throw new Error('a subscriber that we did not write');
  return mailableAddress(address);
}

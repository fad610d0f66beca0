import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { gather } from '../database/gather.js';
import { isSealed, seal } from '../keys/seal.js';
import { prepareEvent, type PreparedEvent } from '../ledger/append.js';
import type { Link } from '../links/token.js';
import { actAll, CONSENT_COLUMNS, type Act, type Change, type LoadedConsent } from './act.js';
import { listById, type ListFacts, type Wording } from './catalogue.js';
import { evidenceKey, openSignUp } from './chapter.js';
import { listRecord } from './facts.js';
import { askedAt, originOf, type Origin } from './origin.js';
import { stateAfter } from './states.js';

/** A mailed confirmation link with all that its page shows. */
export interface Offer {
  readonly offerId: string;
  readonly signUpId: string;
  readonly list: ListFacts;
  readonly wording: Wording;
  readonly language: string;
  readonly address: string;
  readonly origin: Origin;
  readonly askedAt: Date;
  readonly requestedAt: Date;
  readonly consent: LoadedConsent;
  readonly usedBy: string | null;
  /** The chapter's evidence key, unwrapped. */
  readonly evidenceKey: Buffer;
  readonly offeredCommitment: Buffer;
}

export interface Confirmation {
  readonly offer: Offer;
  readonly confirmedAt: Date;
  /** The `confirmed` event; null when the button was pressed again (nothing was added). */
  readonly eventId: string | null;
}

export interface ConfirmInput {
  readonly ip: string;
  readonly userAgent: string;
  /** Of the page that showed the button. */
  readonly language: string;
  /** SHA-256 of that page as it was served, hex. */
  readonly pageSha256: string;
}

interface Row extends LoadedConsent {
  offer_id: string;
  offer_consent: string;
  offer_seal: Buffer;
  secret_hash: Buffer;
  offer_event: string;
  expires_at: Date;
  used_by: string | null;
  offered_commitment: Buffer;
  list_id: string;
  wording_id: string;
  language: string;
  evidence_key: Buffer | null;
  sealed: Buffer | null;
  requested_at: Date;
  chapter: string;
}

/**
 * Turns an offer into a confirmed consent: the state, its event and the lifted objection in one statement. A second press returns the same and adds
 * nothing (L-07). Throws as `findOffer`.
 */
export async function confirm(ctx: Context, link: Link, found: Offer, input: ConfirmInput): Promise<Confirmation> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const offer = attempt === 0 ? found : await findOffer(ctx, link);
    const { consent } = offer;
    if (consent.state === 'confirmed')
      return { offer, confirmedAt: consent.confirmedAt ?? consent.stateAt, eventId: null };
    const done = await tryToConfirm(ctx, link, offer, input);
    if (done) return done;
  }
  throw new Refusal('not-now', 'Somebody else is changing the same consent.');
}

async function tryToConfirm(ctx: Context, link: Link, offer: Offer, input: ConfirmInput): Promise<Confirmation | null> {
  const at = ctx.now();
  const state = stateAfter(offer.consent.state, 'confirm');
  if (!state) throw used(offer);
  const event = prepareEvent(ctx.keyring, {
    id: randomUUID(),
    signUpId: offer.signUpId,
    kind: 'confirmed',
    happenedAt: at,
    evidenceKey: offer.evidenceKey,
    record: {
      ...listRecord(offer.list, offer.wording, input.language),
      entity: 'subject',
      prev_event_commit: offer.offeredCommitment.toString('base64'),
      // Only whoever read the mail knows it; the log has held its hash since before the mail left (T1, P-11).
      secret: (link.secret ?? Buffer.alloc(0)).toString('base64url'),
      confirm: { method: 'POST', page_sha256: input.pageSha256, language: input.language },
    },
    fields: { ip: input.ip, user_agent: input.userAgent },
  });
  const change: Change = { state, basis: 'confirmed', signUpId: offer.signUpId, confirmedAt: at };
  const isDone = await write(ctx, { consent: offer.consent, change, event, offer });
  if (!isDone) return null;
  ctx.bell.ring('event');
  return { offer, confirmedAt: at, eventId: event.id };
}

/** Presses of the same moment share a statement and its commit. */
const write = gather<Act & { event: PreparedEvent; offer: Offer }, boolean>(async (ctx, presses) =>
  actAll(ctx.db, ctx, presses, {
    columns: ['event_id uuid', 'offer_id uuid', 'chapter uuid', 'subscriber uuid'],
    rows: presses.map(({ event, offer }) => [event.id, offer.offerId, offer.signUpId, offer.consent.subscriberId]),
    sql: `, used as (update offer o set used_by = done.event_id from done where o.id = done.offer_id),
      kept as (update sign_up u set purge_at = null from done where u.id = done.chapter),
      lifted as (delete from suppression x using done join subscriber s on s.id = done.subscriber
        where x.organisation_id = s.organisation_id and x.hash = s.suppression_hash and x.reason in ('objection', 'not-me'))`,
  }),
);

/** What a confirmation link stands for. Changes nothing. Throws `link-expired`, `link-used`. */
export async function findOffer(ctx: Context, link: Link): Promise<Offer> {
  const row = await load(ctx, uuidOf(link.ref));
  if (!row || !link.secret || !isOffered(ctx, link.secret, row)) {
    throw new Refusal('link-expired', 'What this link stood for is no longer there.', { expiresAt: link.expiresAt });
  }
  if (row.expires_at <= ctx.now())
    throw new Refusal('link-expired', 'This link has expired.', { expiresAt: row.expires_at, ref: link.ref });
  // "This was not me" ends an offer before its link does.
  if (!row.evidence_key || !row.sealed || row.expires_at <= ctx.now())
    throw new Refusal('link-expired', 'This sign-up was deleted.', { expiresAt: row.expires_at });
  const list = await listById(ctx, row.list_id);
  if (!list.organisation.isOurs) throw new Refusal('list-unknown', 'This list cannot be joined at present.');
  const wording = list.wordings.find((one) => one.id === row.wording_id);
  if (!wording) throw new Error('a wording that was agreed to is gone');
  const key = evidenceKey(ctx.keyring, row.chapter, row.evidence_key);
  const signUp = openSignUp(key, {
    ...{ id: row.chapter, listId: row.list_id, wordingId: row.wording_id, sealed: row.sealed },
  });
  const offer: Offer = {
    offerId: row.offer_id,
    signUpId: row.chapter,
    list,
    wording,
    language: row.language,
    address: signUp.given,
    origin: originOf(signUp),
    askedAt: askedAt(signUp, row.requested_at),
    requestedAt: row.requested_at,
    consent: row,
    usedBy: row.used_by,
    evidenceKey: key,
    offeredCommitment: row.offered_commitment,
  };
  if (row.used_by && row.state !== 'confirmed') throw used(offer);
  return offer;
}

const load = gather<string, Row | undefined>(async (ctx, ids) => {
  const rows = await ctx.db.prepared<Row>(
    `select ${CONSENT_COLUMNS}, o.id as offer_id, o.consent_id as offer_consent, o.seal as offer_seal, o.secret_hash, o.event_id as offer_event, o.expires_at, o.used_by, e.commitment as offered_commitment,
       u.id as chapter, u.list_id, u.wording_id, u.language, u.evidence_key, u.sealed, u.requested_at
     from offer o join sign_up u on u.id = o.sign_up_id join consent c on c.id = o.consent_id
     join consent_event e on e.sign_up_id = o.sign_up_id and e.id = o.event_id
     where o.id = any($1::uuid[])`,
    [ids],
  );
  const found = new Map(rows.map((row) => [row.offer_id, row]));
  return ids.map((id) => found.get(id));
});

/** The list that an expired link was for, so that its page can offer the form again; null when that is forgotten. */
export async function listOfOffer(ctx: Context, ref: Buffer): Promise<{ list: ListFacts; language: string } | null> {
  const [row] = await ctx.db.query<{ list_id: string; language: string }>(
    'select u.list_id, u.language from offer o join sign_up u on u.id = o.sign_up_id where o.id = $1',
    [uuidOf(ref)],
  );
  return row ? { list: await listById(ctx, row.list_id), language: row.language } : null;
}

/** What binds a mailed link to one chapter and one consent: whoever got a link of their own cannot point it at another's by SQL (T6). */
export function sealOffer(ctx: Pick<Context, 'keyring'>, offer: SealedOffer): Buffer {
  return seal(ctx.keyring, 'offer', offerParts(offer));
}

export interface SealedOffer {
  readonly id: string;
  readonly signUpId: string;
  readonly consentId: string;
  readonly eventId: string;
  readonly secretHash: Buffer;
}

function offerParts(offer: SealedOffer): (string | Buffer)[] {
  return [offer.id, offer.signUpId, offer.consentId, offer.eventId, offer.secretHash];
}

function isOffered(ctx: Context, secret: Buffer, row: Row): boolean {
  if (!timingSafeEqual(createHash('sha256').update(secret).digest(), row.secret_hash)) return false;
  const offer = { id: row.offer_id, signUpId: row.chapter, consentId: row.offer_consent, eventId: row.offer_event };
  return isSealed(ctx.keyring, 'offer', offerParts({ ...offer, secretHash: row.secret_hash }), row.offer_seal);
}

function used(offer: Offer): Refusal {
  return new Refusal('link-used', 'This link was already used, and the list was left since.', {
    list: offer.list.slug,
  });
}

/** 16 bytes as the text of a uuid. */
export function uuidOf(ref: Buffer): string {
  const hex = ref.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The 16 bytes of a uuid. */
export function bytesOf(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

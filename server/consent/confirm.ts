import { createHash } from 'node:crypto';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { gather } from '../database/gather.js';
import type { HandoffEvidence } from '../ledger/evidence.js';
import type { Link } from '../links/token.js';
import { actAll, CONSENT_COLUMNS, type LoadedConsent } from './act.js';
import { listById, type ListFacts, type Wording } from './catalogue.js';
import { evidenceKey, openSignUp } from './chapter.js';
import { confirmBy, useOffers, usedUp, type Confirmation, type Press } from './confirm-by.js';
import { isOffered } from './offer-seal.js';
import { askedAt, originOf, type Origin } from './origin.js';
import type { SealedSignUp } from './subscribe.js';
import { handoffOf, signalsOf, type HandoffRow } from './signals.js';
import { uuidOf } from '../links/uuid.js';

/** A mailed confirmation link with all that its page shows. */
export interface Offer {
  readonly offerId: string;
  readonly signUpId: string;
  readonly list: ListFacts;
  readonly wording: Wording;
  readonly language: string;
  readonly address: string;
  readonly origin: Origin;
  /** What the form told beside the address. */
  readonly told: Pick<SealedSignUp, 'topics' | 'attributes'>;
  readonly askedAt: Date;
  readonly requestedAt: Date;
  readonly consent: LoadedConsent;
  readonly usedBy: string | null;
  readonly offeredAt: Date;
  /** The chapter's evidence key, unwrapped. */
  readonly evidenceKey: Buffer;
  readonly offeredCommitment: Buffer;
  /** Of the mail; null: its outcome is not known (yet). */
  readonly handoff: HandoffEvidence | null;
}

export interface ConfirmInput {
  readonly ip: string;
  readonly userAgent: string;
  /** Of the page that showed the button. */
  readonly language: string;
  /** SHA-256 of that page with its personal places blanked, hex. */
  readonly pageSha256: string;
  readonly shownAt: Date;
  readonly pageFetches: number;
}

interface Row extends LoadedConsent, HandoffRow {
  offer_id: string;
  offer_consent: string;
  offer_seal: Buffer;
  secret_hash: Buffer;
  reply_secret_hash: Buffer | null;
  offer_event: string;
  offered_at: Date;
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

/** The button of the page was pressed: as `confirmBy`. */
export async function confirm(ctx: Context, link: Link, found: Offer, input: ConfirmInput): Promise<Confirmation> {
  return confirmBy(ctx, found, {
    find: async () => findOffer(ctx, link),
    language: input.language,
    record: {
      // Only whoever read the mail knows it; the log has held its hash since before the mail left (T1, P-11).
      secret: (link.secret ?? Buffer.alloc(0)).toString('base64url'),
      confirm: { method: 'POST', page_sha256: input.pageSha256, language: input.language },
      automation_signals: signalsOf(found.handoff, input, ctx.now()),
    },
    fields: { ip: input.ip, user_agent: input.userAgent },
    write,
  });
}

/** Presses of the same moment share a statement and its commit. */
const write = gather<Press, boolean>(async (ctx, presses) => actAll(ctx.db, ctx, presses, useOffers(presses)));

/** What a confirmation link stands for. Changes nothing. Throws `link-expired`, `link-used`. */
export async function findOffer(ctx: Context, link: Link): Promise<Offer> {
  const row = await load(ctx, uuidOf(link.ref));
  if (!row || !link.secret || !isOffered(ctx, link.secret, row.secret_hash, sealedOf(row))) {
    throw new Refusal('link-expired', 'What this link stood for is no longer there.', { expiresAt: link.expiresAt });
  }
  return open(ctx, row, { ref: link.ref });
}

/** What an address for answers stands for: as `findOffer`. */
export async function findReplyOffer(ctx: Context, secret: Buffer): Promise<Offer> {
  const [found] = await ctx.db.query<{ id: string }>('select id from offer where reply_secret_hash = $1', [
    createHash('sha256').update(secret).digest(),
  ]);
  const row = found && (await load(ctx, found.id));
  if (!row || !isOffered(ctx, secret, row.reply_secret_hash, sealedOf(row)))
    throw new Refusal('link-expired', 'What this address stood for is no longer there.');
  return open(ctx, row, {});
}

async function open(ctx: Context, row: Row, facts: { ref?: Buffer }): Promise<Offer> {
  if (row.expires_at <= ctx.now())
    throw new Refusal('link-expired', 'This link has expired.', { expiresAt: row.expires_at, ...facts });
  // "This was not me" ends an offer before its link does.
  if (!row.evidence_key || !row.sealed)
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
    ...{ offerId: row.offer_id, signUpId: row.chapter, list, wording, language: row.language },
    ...{ address: signUp.given, origin: originOf(signUp), told: signUp },
    ...{ askedAt: askedAt(signUp, row.requested_at), requestedAt: row.requested_at },
    ...{ consent: row, usedBy: row.used_by, offeredAt: row.offered_at },
    ...{ evidenceKey: key, offeredCommitment: row.offered_commitment },
    handoff: handoffOf(row),
  };
  if (row.used_by && row.state !== 'confirmed') throw usedUp(offer);
  return offer;
}

const load = gather<string, Row | undefined>(async (ctx, ids) => {
  const rows = await ctx.db.prepared<Row>(
    `select ${CONSENT_COLUMNS}, o.id as offer_id, o.consent_id as offer_consent, o.seal as offer_seal, o.secret_hash, o.reply_secret_hash, o.event_id as offer_event,
       o.created_at as offered_at, o.expires_at, o.used_by, e.commitment as offered_commitment,
       u.id as chapter, u.list_id, u.wording_id, u.language, u.evidence_key, u.sealed, u.requested_at, d.settled_at, d.reply, d.taken_by
     from offer o join sign_up u on u.id = o.sign_up_id join consent c on c.id = o.consent_id
     join consent_event e on e.sign_up_id = o.sign_up_id and e.id = o.event_id
     left join delivery d on d.message_id = o.sign_up_id and d.subscriber_id = c.subscriber_id and d.state = 'sent'
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

function sealedOf(row: Row): Parameters<typeof isOffered>[3] {
  return {
    ...{ id: row.offer_id, signUpId: row.chapter, consentId: row.offer_consent, eventId: row.offer_event },
    ...{ secretHash: row.secret_hash, replySecretHash: row.reply_secret_hash, seal: row.offer_seal },
  };
}

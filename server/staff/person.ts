import type { Bounce } from '../../entities/delivery.js';
import { attributesOf } from '../consent/attributes.js';
import { catalogue, listIn, organisationById, type ListFacts, type OrganisationFacts } from '../consent/catalogue.js';
import { consentsOf, type ConsentOfPerson } from '../consent/find.js';
import { receiptEntries, type ReceiptEntry } from '../consent/receipt-links.js';
import { isOurSubscriber } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import { refusalSql, type Unmailable } from '../delivery/mailable.js';
import { blindIndex, suppressionHash } from '../keys/blind-index.js';
import { parseAddress } from '../mail/address.js';
import type { PersonRef } from './person-ref.js';
import { readChapters, type Chapter } from './story.js';

/** All that is known of somebody at one organisation: the page that answers "can you prove it?". */
export interface Person {
  readonly organisation: OrganisationFacts;
  /** null: nobody is found. */
  readonly subscriber: SubscriberFacts | null;
  /** Names of what is known beside the address; values are masked. */
  readonly known: readonly string[];
  /** Why no mail goes to the address, whatever its lists. */
  readonly suppressions: readonly Suppressed[];
  /** The last mails that came back, newest first. */
  readonly bounces: readonly BouncedMail[];
  readonly lists: readonly ListOfPerson[];
  /** Sign-ups that led to no consent, or wait for their decision. */
  readonly loose: readonly Chapter[];
}

export interface SubscriberFacts {
  readonly id: string;
  readonly language: string;
  readonly since: Date;
  readonly restrictedAt: Date | null;
  readonly erasedAt: Date | null;
  /** Until when used proof of somebody who was erased is kept apart, for claims only; null: none is. */
  readonly proofUntil: Date | null;
  /** null once erased. */
  readonly profileKey: Buffer | null;
  readonly address: Buffer | null;
  /** Written by us (T6). */
  readonly isOurs: boolean;
}

export interface Suppressed {
  readonly reason: 'objection' | 'not-me' | 'bounce' | 'complaint' | 'staff';
  readonly at: Date;
  readonly until: Date | null;
}

export interface BouncedMail {
  readonly bounce: Bounce;
  readonly reason: string | null;
  /** The status that was reported, or what the server answered. */
  readonly reply: string | null;
  readonly at: Date;
}

export interface ListOfPerson {
  readonly list: ListFacts;
  readonly found: ConsentOfPerson;
  /** null: it may be mailed now. */
  readonly unmailable: Unmailable | 'not-ours' | null;
  readonly mails: { readonly count: number; readonly last: Date | null };
  readonly chapters: readonly Chapter[];
  readonly receipts: readonly ReceiptEntry[];
}

/** Loads somebody anew at each look. Throws `not-found` when the organisation is gone. */
export async function loadPerson(ctx: Context, ref: PersonRef): Promise<Person> {
  const organisation = await organisationById(ctx, ref.organisationId);
  const keys = ref.address === null ? null : keysOf(ctx, ref.organisationId, ref.address);
  const row = await readSubscriber(ctx, ref, keys?.index ?? null);
  const subscriber = row && { ...row, isOurs: row.erasedAt !== null || isOurSubscriber(ctx.keyring, row) };
  const hash = keys?.hash ?? row?.suppressionHash ?? null;
  const consents = row ? await consentsOf(ctx, ctx.db, row.id) : [];
  const loose = keys?.index ?? row?.blindIndex ?? null;
  const chapters = await readChapters(ctx, {
    organisationId: organisation.id,
    consents: consents.map(({ consent }) => consent.id),
    inForce: consents.map(({ consent }) => consent.signUpId),
    index: loose,
  });
  return {
    organisation,
    subscriber,
    known: subscriber?.isOurs ? Object.keys(await attributesOf(ctx, ctx.db, subscriber.id)).sort() : [],
    suppressions: hash ? await suppressionsOf(ctx, organisation.id, hash) : [],
    bounces: row ? await bouncesOf(ctx, row.id) : [],
    lists: row ? await listsOf(ctx, row.id, consents, chapters) : [],
    loose: chapters.filter((chapter) => chapter.consentId === null),
  };
}

/** By what an address is found. */
function keysOf(ctx: Context, organisationId: string, address: string): { index: Buffer; hash: Buffer } {
  const { normal } = parseAddress(address);
  return {
    index: blindIndex(ctx.keyring, organisationId, normal),
    hash: suppressionHash(ctx.keyring, organisationId, normal),
  };
}

type SubscriberRow = Omit<SubscriberFacts, 'isOurs'> & {
  organisationId: string;
  blindIndex: Buffer;
  suppressionHash: Buffer | null;
};

async function readSubscriber(ctx: Context, ref: PersonRef, index: Buffer | null): Promise<SubscriberRow | null> {
  const [row] = await ctx.db.query<SubscriberRow>(
    `select id, organisation_id as "organisationId", language, created_at as since, restricted_at as "restrictedAt", erased_at as "erasedAt",
       (select max(p.until) from restricted_proof p join sign_up u on u.id = p.sign_up_id join consent c on c.id = u.consent_id
         where c.subscriber_id = s.id) as "proofUntil",
       profile_key as "profileKey", address, blind_index as "blindIndex", suppression_hash as "suppressionHash"
     from subscriber s where organisation_id = $1 and (blind_index = $2::bytea or $2::bytea is null and id = $3)`,
    [ref.organisationId, index, ref.subscriberId],
  );
  return row ?? null;
}

async function suppressionsOf(ctx: Context, organisationId: string, hash: Buffer): Promise<Suppressed[]> {
  return ctx.db.query<Suppressed>(
    `select reason, created_at as at, until from suppression
     where organisation_id = $1 and hash = $2 and (until is null or until > $3) order by created_at, reason`,
    [organisationId, hash, ctx.now()],
  );
}

/** So many say enough. */
const MOST_BOUNCES = 5;

async function bouncesOf(ctx: Context, subscriberId: string): Promise<BouncedMail[]> {
  return ctx.db.query<BouncedMail>(
    `select bounce, bounce_reason as reason, reply, bounced_at as at from delivery
     where subscriber_id = $1 and bounce is not null order by bounced_at desc limit ${MOST_BOUNCES}`,
    [subscriberId],
  );
}

interface MailFacts {
  id: string;
  unmailable: Unmailable | null;
  mails: number;
  last: Date | null;
}

async function listsOf(
  ctx: Context,
  subscriberId: string,
  consents: readonly ConsentOfPerson[],
  chapters: readonly Chapter[],
): Promise<ListOfPerson[]> {
  const known = await catalogue(ctx);
  const receipts = await receiptEntries(
    ctx,
    consents.map(({ consent }) => consent.id),
  );
  const rows = await ctx.db.query<MailFacts>(
    `select c.id, ${refusalSql(2)} as unmailable, n.mails, n.last
     from consent c join subscriber s on s.id = c.subscriber_id join list l on l.id = c.purpose_id
     cross join lateral (select count(*)::int as mails, max(d.settled_at) as last from delivery d
       where d.subscriber_id = s.id and d.consent_id = c.id and d.kind in ('campaign', 'gateway') and d.state = 'sent') n
     where s.id = $1`,
    [subscriberId, ctx.now()],
  );
  return consents.flatMap((found) => {
    const facts = rows.find((row) => row.id === found.consent.id);
    const list = listIn(known, found.listId);
    const isOurs = found.isOurs && list.organisation.isOurs;
    return {
      ...{ list, found },
      unmailable: isOurs ? (facts?.unmailable ?? null) : 'not-ours',
      mails: { count: facts?.mails ?? 0, last: facts?.last ?? null },
      chapters: chapters.filter((chapter) => chapter.consentId === found.consent.id),
      receipts: receipts.filter(({ listId }) => listId === list.id),
    };
  });
}

import type { ListFacts, OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { gather } from '../database/gather.js';
import { refusalSql, type Unmailable } from '../delivery/mailable.js';
import { blindIndex, suppressionHash } from '../keys/blind-index.js';
import { maskAddress, type Address } from '../mail/address.js';

/** Somebody to whom a mail is addressed, and whether it may go. */
export interface Judged {
  readonly address: Address;
  /** null: it may. Frequency is left to the moment of sending. */
  readonly why: Exclude<Unmailable, 'frequency'> | 'no-consent' | null;
  readonly subscriberId: string | null;
  readonly consentId: string | null;
}

/**
 * Whether recipients may get mail of a list now, in their order (promise 1): so the sender can be told. The judgement that counts is made again right before
 * sending, by the claim.
 */
export async function judgeForList(ctx: Context, list: ListFacts, addresses: readonly Address[]): Promise<Judged[]> {
  const { id: organisationId } = list.organisation;
  const wanted = addresses.map(({ normal }): Wanted => {
    return { organisationId, listId: list.id, index: blindIndex(ctx.keyring, organisationId, normal) };
  });
  const found = wanted.length === 1 && wanted[0] ? [await lookUpOne(ctx, wanted[0])] : await lookUp(ctx, wanted);
  return addresses.map((address, place) => {
    const row = found[place];
    const why = !row?.consentId ? 'no-consent' : row.refusal === 'frequency' ? null : row.refusal;
    return { address, why, subscriberId: row?.subscriberId ?? null, consentId: row?.consentId ?? null };
  });
}

/** The same for mail that belongs to no list: whoever bounced, complained, was restricted or wants nothing at all does not get it. */
export async function judgeTransactional(
  ctx: Context,
  { id }: OrganisationFacts,
  addresses: readonly Address[],
): Promise<Judged[]> {
  const rows = await ctx.db.query<{ why: 'restricted' | 'suppressed' | null }>(
    `select case when s.restricted_at is not null then 'restricted'
       when exists (select from suppression x where x.organisation_id = $1 and x.hash = one.h and x.reason <> 'objection' and (x.until is null or x.until > $4)) then 'suppressed'
     end as why
     from unnest($2::bytea[], $3::bytea[]) with ordinality as one (b, h, place)
     left join subscriber s on s.organisation_id = $1 and s.blind_index = one.b order by one.place`,
    [
      id,
      addresses.map(({ normal }) => blindIndex(ctx.keyring, id, normal)),
      addresses.map(({ normal }) => suppressionHash(ctx.keyring, id, normal)),
      ctx.now(),
    ],
  );
  return addresses.map((address, place) => {
    return { address, why: rows[place]?.why ?? null, subscriberId: null, consentId: null };
  });
}

/** How many recipients may not be mailed, by reason; and who they are, masked. */
export function skippedOf(judged: readonly Judged[]): {
  counts: Record<string, number>;
  people: { to: string; why: string }[];
} {
  const counts: Record<string, number> = {};
  const people: { to: string; why: string }[] = [];
  for (const { address, why } of judged) {
    if (why === null) continue;
    counts[why] = (counts[why] ?? 0) + 1;
    people.push({ to: maskAddress(address).seen, why });
  }
  return { counts, people };
}

interface Wanted {
  readonly organisationId: string;
  readonly listId: string;
  readonly index: Buffer;
}

interface Row {
  readonly subscriberId: string | null;
  readonly consentId: string | null;
  readonly refusal: Unmailable | null;
}

/** RCPT comes after RCPT: those of the same moment share a statement. */
const lookUpOne = gather<Wanted, Row>(async (ctx, wanted) => lookUp(ctx, wanted));

async function lookUp(ctx: Context, wanted: readonly Wanted[]): Promise<Row[]> {
  return ctx.db.query<Row>(
    `select s.id as "subscriberId", c.id as "consentId", case when c.id is not null then ${refusalSql(4)} end as refusal
     from unnest($1::uuid[], $2::uuid[], $3::bytea[]) with ordinality as one (o, l, b, place)
     left join subscriber s on s.organisation_id = one.o and s.blind_index = one.b
     left join consent c on c.subscriber_id = s.id and c.purpose_id = one.l
     left join list l on l.id = c.purpose_id order by one.place`,
    [
      wanted.map((one) => one.organisationId),
      wanted.map((one) => one.listId),
      wanted.map((one) => one.index),
      ctx.now(),
    ],
  );
}

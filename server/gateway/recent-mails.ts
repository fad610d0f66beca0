import type { DeliveryState } from '../../entities/delivery.js';
import type { GatewayMail } from '../../entities/gateway.js';
import { catalogue, type OrganisationFacts } from '../consent/catalogue.js';
import { openAddress } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import { maskAddress, parseAddress } from '../mail/address.js';
import { isOurMail, openMailKey, openPeople, openSubject } from './mail.js';

/** A mail that came in at the gateway, and what became of it. */
export interface RecentMail {
  readonly id: string;
  readonly receivedAt: Date;
  readonly credential: { readonly userName: string; readonly name: string };
  /** The list's slug; null: transactional, or refused before the list was known. */
  readonly list: string | null;
  readonly isTransactional: boolean;
  readonly bytes: number;
  /** Bytes of the longest HTML of its copies, where Gmail may hide the end (F-20); null: it is short, or none has left. */
  readonly longHtml: number | null;
  /** null once its bytes are deleted. */
  readonly subject: string | null;
  /** Why the whole mail was refused; null: it was taken. */
  readonly refusal: string | null;
  /** Every recipient has an outcome, and the bytes are deleted. */
  readonly isDone: boolean;
  /** Recipients that it was taken for, by what became of them. */
  readonly states: Readonly<Partial<Record<DeliveryState, number>>>;
  /** Recipients who were refused or skipped, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** At most `people` of them, those with trouble first. */
  readonly people: readonly RecentRecipient[];
}

export interface RecentRecipient {
  /** null: never taken. */
  readonly subscriberId: string | null;
  /** Masked: `a…@gmail.com`; null: erased. */
  readonly to: string | null;
  /** `refused`: never taken, by policy. */
  readonly state: DeliveryState | 'refused';
  readonly reason: string | null;
  /** What the next server said; without addresses. */
  readonly reply: string | null;
  readonly settledAt: Date | null;
}

export interface RecentWish {
  /** Mails, at most; newest first. */
  readonly limit?: number;
  /** Only those that came before. */
  readonly before?: Date;
  /** Recipients a mail, at most. */
  readonly people?: number;
}

const MOST = 200;

/** What came in for an organisation, newest first, and what became of each recipient. Addresses are masked; mails that we did not write down are left out (T6). */
export async function recentMails(
  ctx: Context,
  organisation: Pick<OrganisationFacts, 'id'>,
  { limit = 50, before, people = 20 }: RecentWish = {},
): Promise<RecentMail[]> {
  const { lists } = await catalogue(ctx);
  const rows = await ctx.db.query<Row>(
    `select m.id, m.organisation_id as "organisationId", m.credential_id as "credentialId", m.list_id as "listId", m.bytes, m.refusal, m.skipped,
       m.mail_key as "mailKey", m.subject, m.skipped_people as "skippedPeople", m.received_at as "receivedAt", m.done_at as "doneAt", m.seal,
       (select max((r.recipe->>'longHtml')::int) from (select recipe from gateway_recipe where message_id = m.id limit 100) r) as "longHtml",
       g.user_name as "userName", g.name, g.is_transactional as "isTransactional"
     from gateway_mail m join gateway_credential g on g.id = m.credential_id
     where m.organisation_id = $1 and m.received_at < $2 order by m.received_at desc, m.id limit $3`,
    [organisation.id, before ?? 'infinity', Math.min(limit, MOST)],
  );
  const ours = rows.filter((row) => isOurMail(ctx.keyring, row));
  const ids = ours.map((row) => row.id);
  const [states, recipients] = [await statesOf(ctx, ids), await recipientsOf(ctx, ids, Math.min(people, MOST))];
  return ours.map((row) => {
    const { subject, skipped } = openRow(ctx, row);
    const refused = skipped.map(({ to, why }): RecentRecipient => {
      return { subscriberId: null, to, state: 'refused', reason: why, reply: null, settledAt: row.receivedAt };
    });
    return {
      ...{ id: row.id, receivedAt: row.receivedAt, credential: { userName: row.userName, name: row.name } },
      list: lists.find((list) => list.id === row.listId)?.slug ?? null,
      ...{
        isTransactional: row.isTransactional,
        bytes: row.bytes,
        longHtml: row.longHtml,
        subject,
        refusal: row.refusal,
      },
      ...{ isDone: row.doneAt !== null, states: states.get(row.id) ?? {}, skipped: row.skipped },
      people: [...refused, ...(recipients.get(row.id) ?? [])].slice(0, people),
    };
  });
}

type Row = GatewayMail & { longHtml: number | null; userName: string; name: string; isTransactional: boolean };

function openRow(ctx: Context, row: Row): { subject: string | null; skipped: { to: string; why: string }[] } {
  if (row.mailKey === null) return { subject: null, skipped: [] };
  const key = openMailKey(ctx.keyring, row.id, row.mailKey);
  return {
    subject: row.subject ? openSubject(key, row.id, row.subject) : null,
    skipped: row.skippedPeople ? openPeople(key, row.id, row.skippedPeople) : [],
  };
}

async function statesOf(
  ctx: Context,
  ids: readonly string[],
): Promise<Map<string, Partial<Record<DeliveryState, number>>>> {
  const rows = await ctx.db.query<{ id: string; state: DeliveryState; n: number }>(
    'select message_id as id, state, count(*)::int as n from delivery where message_id = any($1::uuid[]) group by 1, 2',
    [ids],
  );
  const states = new Map<string, Partial<Record<DeliveryState, number>>>();
  for (const { id, state, n } of rows) states.set(id, { ...states.get(id), [state]: n });
  return states;
}

interface RecipientRow {
  message_id: string;
  id: string;
  state: DeliveryState;
  reason: string | null;
  reply: string | null;
  settled_at: Date | null;
  profile_key: Buffer | null;
  address: Buffer | null;
}

async function recipientsOf(
  ctx: Context,
  ids: readonly string[],
  most: number,
): Promise<Map<string, RecentRecipient[]>> {
  const rows = await ctx.db.query<RecipientRow>(
    `select d.message_id, s.id, d.state, d.reason, d.reply, d.settled_at, s.profile_key, s.address
     from unnest($1::uuid[]) as one (id)
     cross join lateral (select * from delivery d where d.message_id = one.id
       order by d.state = 'sent', d.settled_at desc nulls first, d.subscriber_id limit $2) d
     join subscriber s on s.id = d.subscriber_id`,
    [ids, most],
  );
  const recipients = new Map<string, RecentRecipient[]>();
  for (const row of rows) {
    const { state, reason, reply } = row;
    const recipient = { subscriberId: row.id, to: maskedOf(ctx, row), state, reason, reply, settledAt: row.settled_at };
    recipients.set(row.message_id, [...(recipients.get(row.message_id) ?? []), recipient]);
  }
  return recipients;
}

function maskedOf(ctx: Context, { id, profile_key: profileKey, address }: RecipientRow): string | null {
  if (!profileKey || !address) return null;
  return maskAddress(parseAddress(openAddress(ctx.keyring, { id, profileKey, address }))).seen;
}

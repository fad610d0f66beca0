import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { refusalSql } from '../delivery/mailable.js';
import { narrow } from './narrow.js';
import { isWholeList, type AudienceFilter } from './settings.js';

/** Who would get a campaign now, in numbers. */
export interface Audience {
  readonly reached: number;
  /** By reason, as the claim would give it. */
  readonly left: Readonly<Record<string, number>>;
  /** A part of the list: small numbers of it are shown to nobody (T11). */
  readonly isNarrowed: boolean;
}

/**
 * Counts the consents of a list, or of the part of it that a filter names, as the claim judges them (promise 1); the judgement that counts is made right
 * before sending.
 */
export async function audienceOf(ctx: Context, listId: string, filter?: AudienceFilter): Promise<Audience> {
  const { organisation } = await listById(ctx, listId);
  const { sql, values } = narrow(ctx.keyring, { organisationId: organisation.id, filter }, 4);
  const groups = await ctx.db.transaction(async (tx) => {
    // Compiling it takes longer than it runs; and what is hashed fits into memory.
    await tx.query(`select set_config('jit', 'off', true), set_config('work_mem', '64MB', true)`);
    return tx.query<Group>(countSql(sql), [listId, ctx.now(), organisation.id, ...values]);
  });
  return { ...sum(groups), isNarrowed: !isWholeList(filter) };
}

/** Consents that are alike. */
interface Group {
  /** Judged one by one, because something about the person, not only the state, may hold the mail back. */
  readonly isJudged: boolean;
  /** Of those that were judged. */
  readonly refusal: string | null;
  /** As state and basis alone would have it. */
  readonly plain: string | null;
  readonly n: number;
}

/*
 * A million consents are not judged one by one. All are counted by state and basis, from an index that holds what filters ask for. Whoever may be held back
 * by something else (erased, restricted, suppressed, paused, wants less) is found from the other side and judged as the claim does, and taken off.
 */
const HELD = `
  select c.id from subscriber s join consent c on c.subscriber_id = s.id and c.purpose_id = $1
    where (s.restricted_at is not null or s.address is null)
  union select c.id from consent c
    where c.purpose_id = $1 and c.state = 'confirmed' and (c.frequency <> 'all' or c.paused_until is not null)
  union select c.id from suppression x join subscriber s on s.suppression_hash = x.hash and s.organisation_id = x.organisation_id
    join consent c on c.subscriber_id = s.id and c.purpose_id = $1 and c.state = 'confirmed'
    where x.organisation_id = $3`;

const PLAIN = `case when c.state <> 'confirmed' then c.state when not coalesce(c.basis = any(l.accepted_bases), false) then 'basis' end`;

function countSql(condition: string): string {
  return `with held as materialized (${HELD}),
    judged as (select ${refusalSql(2)} as refusal, ${PLAIN} as plain
      from held join consent c on c.id = held.id join subscriber s on s.id = c.subscriber_id join list l on l.id = c.purpose_id where ${condition}),
    counted as (select c.state, c.basis, count(*) as n from consent c where c.purpose_id = $1 and ${condition} group by 1, 2)
    select false as "isJudged", null as refusal, ${PLAIN} as plain, c.n::int as n from counted c join list l on l.id = $1
    union all select true, refusal, plain, count(*)::int from judged group by 2, 3`;
}

function sum(groups: readonly Group[]): Pick<Audience, 'reached' | 'left'> {
  const counts = new Map<string | null, number>();
  const add = (reason: string | null, n: number): unknown => counts.set(reason, (counts.get(reason) ?? 0) + n);
  for (const { isJudged, refusal, plain, n } of groups) {
    add(isJudged ? refusal : plain, n);
    if (isJudged) add(plain, -n);
  }
  const left = [...counts].flatMap(([reason, n]) => (reason !== null && n > 0 ? [[reason, n] as const] : []));
  return { reached: counts.get(null) ?? 0, left: Object.fromEntries(left.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

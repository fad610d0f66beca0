import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { NO_BASIS_SQL, steeredSql, SUPPRESSED_SQL, suppressesSql } from '../delivery/mailable.js';
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
  /** Why it is kept back whatever its state is, or although it is good; null: nothing of it. */
  readonly special: string | null;
  /** Is that said before the state? */
  readonly isFirst: boolean;
  /** As state and basis alone have it. */
  readonly plain: string | null;
  readonly n: number;
}

/*
 * A million consents are not judged one by one. All are counted by state and basis, from an index that holds whatever filters ask for. Who is kept back by
 * something else is found from the other side, by the same expressions as the claim's, and moved from one number to the other.
 */
const SPECIAL = `
  select s.id, 1 as rank, case when s.erased_at is not null then 'erased' else 'restricted' end as reason
    from subscriber s where s.restricted_at is not null or s.erased_at is not null
  union all select c.subscriber_id, 2, ${steeredSql(2)} from consent c
    where c.purpose_id = $1 and c.state = 'confirmed' and (c.frequency <> 'all' or c.paused_until is not null)
  union all select found.id, 2 + ${SUPPRESSED_SQL.rank}, ${SUPPRESSED_SQL.reason} from suppression x
    cross join lateral (select s.id from subscriber s where s.suppression_hash = x.hash and s.organisation_id = x.organisation_id offset 0) found
    where x.organisation_id = $3 and ${suppressesSql(2)}`;

// "offset 0": looked up one by one, for nothing is known of how hashes are spread (T4).
function countSql(condition: string): string {
  return `with special as materialized (select distinct on (id) id, rank, reason from (${SPECIAL}) k where reason is not null order by id, rank),
    moved as (select special.reason, special.rank = 1 as first, c.state, c.basis, count(*) as n from special
      cross join lateral (select c.state, c.basis from consent c where c.purpose_id = $1 and c.subscriber_id = special.id and ${condition} offset 0) c
      group by 1, 2, 3, 4),
    counted as (select c.state, c.basis, count(*) as n from consent c where c.purpose_id = $1 and ${condition} group by 1, 2)
    select null as special, false as "isFirst", ${NO_BASIS_SQL} as plain, c.n::int as n from counted c join list l on l.id = $1
    union all select c.reason, c.first, ${NO_BASIS_SQL}, c.n::int from moved c join list l on l.id = $1`;
}

function sum(groups: readonly Group[]): Pick<Audience, 'reached' | 'left'> {
  const counts = new Map<string | null, number>();
  const add = (reason: string | null, n: number): unknown => counts.set(reason, (counts.get(reason) ?? 0) + n);
  for (const { special, isFirst, plain, n } of groups) {
    if (special === null) add(plain, n);
    else if (isFirst || plain === null) {
      add(special, n);
      add(plain, -n);
    }
  }
  const left = [...counts].flatMap(([reason, n]) => (reason !== null && n > 0 ? [[reason, n] as const] : []));
  return { reached: counts.get(null) ?? 0, left: Object.fromEntries(left.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

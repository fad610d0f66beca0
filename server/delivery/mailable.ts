/** Why somebody would not get a campaign, as the claim judges (promise 1). */
export type Unmailable =
  | 'erased'
  | 'restricted'
  | 'pending'
  | 'refused'
  | 'expired'
  | 'withdrawn'
  | 'basis'
  | 'paused'
  | 'frequency'
  | 'complained'
  | 'suppressed'
  | 'bounced';

/** Is nothing sent to a subscriber `s`, whatever the list? Says why; null: no. */
const HELD_SQL = `case
    when s.erased_at is not null or s.address is null then 'erased'
    when s.restricted_at is not null then 'restricted'
  end`;

/** Does a consent `c` for a list `l` by its state and basis alone allow no campaign? */
export const NO_BASIS_SQL = `case
    when c.state <> 'confirmed' then c.state
    when not coalesce(c.basis = any(l.accepted_bases), false) then 'basis'
  end`;

/** What a person asked for on a confirmed consent `c`, where it keeps a campaign back at the time in parameter `at`. */
export function steeredSql(at: number): string {
  return `case
    when c.paused_until > $${at} then 'paused'
    when c.frequency <> 'all' and exists (select from delivery p
      where p.subscriber_id = c.subscriber_id and p.consent_id = c.id and p.kind in ('campaign', 'gateway')
      and (p.state = 'sending' or p.state in ('sent', 'unknown') and p.settled_at > $${at}::timestamptz - case c.frequency
        when 'weekly' then interval '7 days' else interval '1 month' end)) then 'frequency'
  end`;
}

/** Of a suppression `x`, why it was made; where there are several the one of the least rank is told, as the claim does. */
export const SUPPRESSED_SQL = {
  reason: `case x.reason when 'complaint' then 'complained' when 'bounce' then 'bounced' else 'suppressed' end`,
  rank: `case x.reason when 'complaint' then 1 when 'bounce' then 3 else 2 end`,
};

/** Does a suppression `x` keep campaigns back at the time in parameter `at`? */
export function suppressesSql(at: number): string {
  return `(x.until is null or x.until > $${at}) and x.reason <> 'not-me'`;
}

/**
 * The expression that says why a consent `c` of a subscriber `s` for a list `l` would not be mailed at the time in parameter `at`; null: it may be. The judgement
 * that counts is made right before sending, by the claim.
 */
export function refusalSql(at: number): string {
  return `coalesce(${HELD_SQL}, ${NO_BASIS_SQL}, ${steeredSql(at)},
    (select ${SUPPRESSED_SQL.reason} from suppression x where x.organisation_id = s.organisation_id and x.hash = s.suppression_hash
      and ${suppressesSql(at)} order by ${SUPPRESSED_SQL.rank} limit 1))`;
}

/**
 * Has a campaign `c` mails that wait, or are in flight? Asked every second: so first for one that waits, by the index of those, which finds one at once as long as there
 * is any; then among all that are in flight, which are few (the cast keeps the planner from looking through the whole campaign). One of which it stays unknown whether
 * it arrived is never due again.
 */
export const UNDER_WAY_SQL = `case
    when exists (select from delivery d where d.message_id = c.id and d.kind = 'campaign' and d.state in ('queued', 'deferred', 'unknown')
      and d.due_at < 'infinity') then true
    else exists (select from delivery d where d.state = 'sending' and d.message_id::text = c.id::text) end`;

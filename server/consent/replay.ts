import type { Context } from '../context.js';
import type { JournalEntry } from './journal.js';
import { withdraw } from './withdraw.js';

const PAGE = 500;

/**
 * Brings a restored database up to what was answered: withdrawals and suppressions that the journal knows and the database does not are done again, before
 * anything is sent (T4). Returns how many.
 */
export async function replayJournal(ctx: Context): Promise<number> {
  let page: JournalEntry[] = [];
  let done = 0;
  for await (const entry of ctx.journal.read()) {
    page.push(entry);
    if (page.length < PAGE) continue;
    done += await replay(ctx, page);
    page = [];
  }
  return done + (await replay(ctx, page));
}

async function replay(ctx: Context, entries: readonly JournalEntry[]): Promise<number> {
  const withdrawn = entries.filter((entry) => entry.kind === 'withdrawn');
  // Whoever confirmed anew since then, or took the withdrawal back, has the last word. That its event is there says nothing: the consent may have been put back (T6).
  const lost = await ctx.db.query<{ consent: string }>(
    `select j.consent from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) as j (consent, chapter, event, at)
     join consent c on c.id = j.consent and c.state in ('confirmed', 'pending') and coalesce(c.confirmed_at, c.state_at) <= j.at
     where not exists (select from consent_event e where e.sign_up_id = j.chapter and e.previous_id = j.event)`,
    [
      ...[
        withdrawn.map((entry) => entry.consent),
        withdrawn.map((entry) => entry.chapter),
        withdrawn.map((entry) => entry.event),
      ],
      withdrawn.map((entry) => new Date(entry.at)),
    ],
  );
  let done = 0;
  for (const { consent } of lost) {
    const result = await withdraw(ctx, consent, 'journal');
    if (result?.eventId) done += 1;
  }
  for (const entry of entries) {
    if (entry.kind !== 'suppressed') continue;
    await ctx.db.query(
      `insert into suppression (organisation_id, hash, reason, created_at, until)
       select o.id, $2, $3, $4::timestamptz, $5::timestamptz from organisation o
       where o.id = $1 and ($5::timestamptz is null or $5::timestamptz > $6) and not exists (
         select from subscriber s join consent c on c.subscriber_id = s.id
         where s.organisation_id = o.id and s.suppression_hash = $2 and c.confirmed_at > $4::timestamptz)
       on conflict (organisation_id, hash, reason) do update set until = excluded.until where suppression.until < excluded.until`,
      [
        ...[entry.organisation, Buffer.from(entry.hash, 'base64'), entry.reason, new Date(entry.at)],
        ...[entry.until === undefined ? null : new Date(entry.until), ctx.now()],
      ],
    );
  }
  return done;
}

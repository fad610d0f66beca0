import type { ErasedEntry } from '../consent/journal.js';
import type { Context } from '../context.js';
import { destroyChapters } from './destroy.js';
import { erase } from './erase.js';
import { journalErasures } from './journal.js';
import { traceErasure } from './trace.js';

const PAGE = 500;

/**
 * Erases again whom the journal knows as erased and a restored database still has, before anything is sent (T4). A sign-up of theirs that the backup knew and
 * had not looked at yet is destroyed as well. Returns how many people and such sign-ups.
 */
export async function replayErasures(ctx: Context): Promise<number> {
  await journalErasures(ctx);
  let page: ErasedEntry[] = [];
  let done = 0;
  for await (const entry of ctx.journal.read()) {
    if (entry.kind !== 'erased') continue;
    page.push(entry);
    if (page.length < PAGE) continue;
    done += await replay(ctx, page);
    page = [];
  }
  return done + (await replay(ctx, page));
}

async function replay(ctx: Context, entries: readonly ErasedEntry[]): Promise<number> {
  const known = new Map(entries.map((entry) => [entry.subscriber, entry]));
  const back = await ctx.db.query<{ id: string }>(
    'select id from subscriber where id = any($1::uuid[]) and erased_at is null',
    [[...known.keys()]],
  );
  let done = 0;
  for (const { id } of back) {
    const entry = known.get(id);
    const told = new Map(entry?.kept.map(({ signUp, until }) => [signUp, new Date(until)]));
    if (await erase(ctx, { subscriberId: id, cause: entry?.cause ?? 'person', told })) done += 1;
  }
  return done + (await destroyStrays(ctx, entries));
}

async function destroyStrays(ctx: Context, entries: readonly ErasedEntry[]): Promise<number> {
  return ctx.db.transaction(async (tx) => {
    const rows = await tx.query<{ id: string }>(
      'select id from sign_up where id = any($1::uuid[]) and evidence_key is not null for update',
      [entries.flatMap((entry) => entry.signUps)],
    );
    const chapters = rows.map((row) => row.id);
    await traceErasure(tx, ctx, await destroyChapters(tx, ctx, chapters), { cause: 'person' });
    return chapters.length;
  });
}

import type { Context } from '../context.js';
import { witnessPolicy } from './attested.js';
import { formatVkey } from './note.js';

/** How it goes with a witness or an authority. */
export interface AttestorState {
  readonly kind: 'witness' | 'authority';
  /** Name in the policy, or URL. */
  readonly label: string;
  /** Of the newest head that it signed; null: none. */
  readonly size: number | null;
  /** When, by its own clock. */
  readonly at: Date | null;
  /** What went wrong last time; null: nothing. */
  readonly problem: string | null;
  /** Since when it answers, or does not; null: it was not asked yet. */
  readonly since: Date | null;
}

interface Row {
  name: string;
  size: string | null;
  at: Date | null;
  problem: string | null;
  since: Date | null;
}

/** All who are asked to sign the log's heads: witnesses of the policy in its order, then authorities. */
export async function listAttestors(ctx: Pick<Context, 'config' | 'db'>): Promise<AttestorState[]> {
  const witnesses = witnessPolicy(ctx.config)?.witnesses ?? [];
  const asked = [
    ...witnesses.map(({ name, key }) => ({ kind: 'witness' as const, label: name, name: formatVkey(key) })),
    ...ctx.config.anchors.map((url) => ({ kind: 'authority' as const, label: url, name: url })),
  ];
  const rows = await ctx.db.query<Row>(
    `select n.name, coalesce(w.size, s.size) as size, coalesce(w.signed_at, s.stamped_at) as at, a.problem, a.since
     from unnest($1::text[]) as n (name) left join log_attestor a on a.name = n.name
     left join lateral (select size, signed_at from log_cosignature c where c.witness = n.name order by size desc limit 1) w on true
     left join lateral (select size, stamped_at from log_stamp t where t.authority = n.name order by size desc limit 1) s on true`,
    [asked.map(({ name }) => name)],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  return asked.map(({ kind, label, name }) => {
    const row = known.get(name);
    return {
      kind,
      label,
      size: row?.size == null ? null : Number(row.size),
      at: row?.at ?? null,
      problem: row?.problem ?? null,
      since: row?.since ?? null,
    };
  });
}

import type { Queryable } from '../database/connect.js';

/** Who signed or stamped the log's head last, and when, by their own clocks; only of heads that the public can see. */
export interface Attestations {
  readonly witnesses: readonly { readonly name: string; readonly size: number; readonly at: Date }[];
  readonly anchors: readonly { readonly authority: string; readonly at: Date }[];
}

/** How many signatures and stamps are looked through: the page of the log must not grow slower with the log. */
const MOST = 1000;

/** The newest of each, of heads of at most `size` leaves. */
export async function attestations(on: Queryable, size: number): Promise<Attestations> {
  const witnesses = await on.query<{ witness: string; size: string; at: Date }>(
    `select distinct on (witness) witness, size, signed_at as at
     from (select * from log_cosignature where size <= $1 order by size desc limit ${MOST}) recent order by witness, size desc`,
    [size],
  );
  const anchors = await on.query<{ authority: string; at: Date }>(
    `select distinct on (authority) authority, stamped_at as at
     from (select * from log_stamp where size <= $1 order by size desc limit ${MOST}) recent order by authority, size desc`,
    [size],
  );
  return {
    // A verifier key begins with the name of its owner.
    witnesses: witnesses.map((row) => ({
      name: row.witness.split('+')[0] ?? '',
      size: Number(row.size),
      at: row.at,
    })),
    anchors,
  };
}

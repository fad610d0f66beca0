import { randomUUID } from 'node:crypto';
import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import { canonicalize } from '../ledger/jcs.js';
import { checkFilter } from './check-filter.js';
import { readFilter, type AudienceFilter } from './settings.js';

/** A part of a list under a name. */
export interface Segment {
  readonly id: string;
  readonly listId: string;
  readonly name: string;
  readonly filter: AudienceFilter;
}

const MAX_NAME = 100;
const CONTROLS = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Keeps a filter under a name, in the place of the one that had the name before. Throws `body-invalid`, `list-unknown`. */
export async function saveSegment(
  ctx: Context,
  { listId, name, filter }: { listId: string; name: string; filter: unknown },
): Promise<Segment> {
  const list = await listById(ctx, listId);
  const segment = { id: randomUUID(), listId, name: checkName(name), filter: checkFilter(list, filter) };
  await ctx.db.query(
    `insert into segment (id, list_id, name, filter, created_at, seal) values ($1, $2, $3, $4, $5, $6)
     on conflict (list_id, name) do update set id = excluded.id, filter = excluded.filter, created_at = excluded.created_at, seal = excluded.seal`,
    [
      ...[segment.id, listId, segment.name, JSON.stringify(segment.filter), ctx.now()],
      seal(ctx.keyring, 'segment', parts(segment)),
    ],
  );
  return segment;
}

/** Gives a segment another name. Throws `not-found`; `body-invalid` also when another one of the list has that name. */
export async function renameSegment(ctx: Context, id: string, name: string): Promise<void> {
  const found = await segmentById(ctx, id);
  const segment = { ...found, name: checkName(name) };
  const change = ctx.db.query('update segment set name = $2, seal = $3 where id = $1', [
    ...[id, segment.name],
    seal(ctx.keyring, 'segment', parts(segment)),
  ]);
  await change.catch((error: unknown) => {
    if (!isTwice(error)) throw error;
    throw new Refusal('body-invalid', 'Another segment of this list has this name.', {}, { cause: error });
  });
}

/** SQLSTATE unique_violation. */
function isTwice(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}

/** Forgets a segment; campaigns that used it keep its filter. */
export async function deleteSegment(ctx: Context, id: string): Promise<void> {
  await ctx.db.query('delete from segment where id::text = $1', [id]);
}

/** The segments of a list, or all, by name. One that somebody wrote by SQL is left out (T6). */
export async function segmentsOf(ctx: Context, listId: string | null): Promise<Segment[]> {
  return read(ctx, ctx.db, '($1::uuid is null or list_id = $1)', [listId]);
}

/** Throws `not-found`. */
export async function segmentById(ctx: Context, id: string): Promise<Segment> {
  const [segment] = await read(ctx, ctx.db, 'id::text = $1', [id]);
  if (!segment) throw new Refusal('not-found', 'There is no such segment.');
  return segment;
}

async function read(ctx: Context, on: Queryable, where: string, values: readonly unknown[]): Promise<Segment[]> {
  const rows = await on.query<Segment & { seal: Buffer }>(
    `select id, list_id as "listId", name, filter, seal from segment where ${where} order by name, id limit 1000`,
    values,
  );
  return rows.flatMap(({ seal: given, ...row }) =>
    isSealed(ctx.keyring, 'segment', parts(row), given) ? [{ ...row, filter: readFilter(row.filter) }] : [],
  );
}

function parts({ id, listId, name, filter }: Segment): string[] {
  return [id, listId, name, canonicalize(filter)];
}

function checkName(given: string): string {
  const name = given.trim();
  if (name === '' || name.length > MAX_NAME || CONTROLS.test(name))
    throw new Refusal('body-invalid', `A segment needs a name of at most ${MAX_NAME} characters.`);
  return name;
}

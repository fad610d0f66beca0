import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { decryptField } from '../keys/field.js';
import { isSealed } from '../keys/seal.js';
import { REDACTABLE } from './append.js';
import { isDataLeaf } from './data-leaf.js';
import { namedAsErased } from './erasure.js';
import { leafParts } from './grow.js';
import { leafHash } from './merkle.js';
import { hasKey, openKey, type KeysOfRecord } from './record-key.js';
import { commit, commitField, leafData } from './record.js';

/** A leaf with all that stands behind it. */
export interface LeafRow extends KeysOfRecord {
  readonly leaf_index: string;
  readonly event_id: string | null;
  readonly leaf_hash: Buffer;
  readonly data: string | null;
  readonly leaf_seal: Buffer | null;
  readonly kind: string | null;
  readonly commitment: Buffer | null;
  readonly happened_at: Date | null;
  readonly event_seal: Buffer | null;
  readonly record: Buffer | null;
  readonly address: Buffer | null;
  readonly ip: Buffer | null;
  readonly user_agent: Buffer | null;
  readonly mail: Buffer | null;
  /** Names of what lies in event_attachment. */
  readonly attached: string[] | null;
}

/** The tree head that ends with a leaf; all null where none does. */
export interface HeadRow {
  readonly root: Buffer | null;
  readonly frontier: Buffer | null;
  readonly note: string | null;
  readonly signed_at: Date | null;
  readonly previous_size: string | null;
  readonly head_seal: Buffer | null;
}

/** Reads leaves `from` to `end` (exclusive), at most `most`, each with the head that ends with it. */
export async function readLeafRows(
  on: Queryable,
  range: { from: number; end: number; most: number },
): Promise<(LeafRow & HeadRow)[]> {
  return on.query(
    `select l.leaf_index, l.event_id, l.sign_up_id, l.leaf_hash, l.data, l.seal as leaf_seal, e.kind, e.commitment, e.happened_at, e.seal as event_seal,
       b.record, b.address, b.ip, b.user_agent, b.mail, u.evidence_key,
       r.evidence_key as restricted_key, x.evidence_key as erasure_key,
       (select array_agg(a.name) from event_attachment a where a.sign_up_id = l.sign_up_id and a.event_id = l.event_id) as attached,
       k.root, k.frontier, k.note, k.signed_at, k.previous_size, k.seal as head_seal
     from log_leaf l
     left join consent_event e on e.sign_up_id = l.sign_up_id and e.id = l.event_id
     left join event_body b on b.sign_up_id = l.sign_up_id and b.event_id = l.event_id
     left join sign_up u on u.id = l.sign_up_id
     left join restricted_proof r on r.sign_up_id = l.sign_up_id
     left join erasure x on x.id = l.sign_up_id
     left join log_checkpoint k on k.size = l.leaf_index + 1
     where l.leaf_index >= $1 and l.leaf_index < $2 order by l.leaf_index limit $3`,
    [range.from, range.end, range.most],
  );
}

/** What a leaf turned out to be. */
export interface LeafFound {
  readonly faults: readonly string[];
  /** The hash that the tree was made of, as far as one can tell. */
  readonly hash: Buffer;
  readonly record: 'matches' | 'erased' | 'none';
}

/** Which of these leaves lack their record, and an `erased` event says so: those were erased, others lost (P-27). */
export async function erasedAmong(ctx: Context, rows: readonly LeafRow[]): Promise<ReadonlySet<string>> {
  const bare = rows.flatMap((row) => {
    const { event_id: id, commitment } = row;
    return id && commitment && !(row.record && hasKey(row)) ? [{ id, commitment }] : [];
  });
  return namedAsErased(ctx, bare);
}

/** What is known of a leaf before it is looked at. */
export interface LeafKnown {
  /** A leaf before it carries a seal. */
  readonly mustBeSealed: boolean;
  /** Of `erasedAmong`. */
  readonly erased: ReadonlySet<string>;
}

/** Checks one leaf against its seal, its event, its record and each of its fields. */
export async function checkLeaf(ctx: Context, row: LeafRow, known: LeafKnown): Promise<LeafFound> {
  const faults = isLeafOurs(ctx, row, known.mustBeSealed)
    ? []
    : ['its row was changed, moved, or put there by somebody else'];
  if (row.data !== null) {
    if (!isDataLeaf(row.data)) faults.push('it is of no kind that there is');
    if (!leafHash(Buffer.from(row.data)).equals(row.leaf_hash)) faults.push('it was not made from its data');
    return { faults, hash: row.leaf_hash, record: 'none' };
  }
  if (!row.commitment) return { faults: [...faults, 'its event is gone'], hash: row.leaf_hash, record: 'none' };
  const expected = leafHash(leafData(row.commitment));
  const isEvent = isEventOurs(ctx, row);
  if (!expected.equals(row.leaf_hash)) faults.push("it was not made from its event's commitment");
  if (!isEvent) faults.push('its event was changed after it was written');
  const { record, faults: inRecord } = await checkRecord(ctx, row, row.commitment, known.erased);
  // Of a leaf and an event that differ, the one with its seal is what the tree was made of.
  return { faults: [...faults, ...inRecord], hash: isEvent ? expected : row.leaf_hash, record };
}

function isLeafOurs(ctx: Context, row: LeafRow, mustBeSealed: boolean): boolean {
  if (row.leaf_seal === null) return !mustBeSealed;
  const leaf = {
    index: row.leaf_index,
    event: row.event_id,
    chapter: row.sign_up_id,
    hash: row.leaf_hash,
    data: row.data,
  };
  return isSealed(ctx.keyring, 'log_leaf', leafParts(leaf), row.leaf_seal);
}

function isEventOurs(ctx: Context, row: LeafRow): boolean {
  return isSealed(
    ctx.keyring,
    'consent_event',
    [row.event_id, row.sign_up_id, row.kind, row.commitment, row.happened_at],
    row.event_seal,
  );
}

interface OpenedRecord {
  readonly opening: string;
  readonly record: { readonly fields?: Readonly<Record<string, string>> };
}

type RecordFound = Pick<LeafFound, 'record' | 'faults'>;

async function checkRecord(
  ctx: Context,
  row: LeafRow,
  commitment: Buffer,
  erased: ReadonlySet<string>,
): Promise<RecordFound> {
  if (!row.record || !hasKey(row)) {
    if (erased.has(row.event_id ?? '')) return { record: 'erased', faults: [] };
    return { record: 'none', faults: ['its record is lost, no erasure names it'] };
  }
  const key = openKey(ctx.keyring, row);
  const opened = key && (openJson(key, 'record', row, row.record) as OpenedRecord | null);
  if (!key || !opened || !isCommitted(opened, commitment))
    return { record: 'none', faults: ['its record does not match its commitment'] };
  const names = [
    ...REDACTABLE.filter((name) => row[name] && !isFieldOf(opened, name, openJson(key, name, row, row[name]))),
    ...(await wrongAttachments(ctx, row, key, opened)),
  ];
  const faults = names.map((name) => `its field "${name}" does not match its record`);
  return { record: faults.length > 0 ? 'none' : 'matches', faults };
}

// One at a time: they may be large.
async function wrongAttachments(ctx: Context, row: LeafRow, key: Buffer, opened: OpenedRecord): Promise<string[]> {
  const wrong: string[] = [];
  for (const name of row.attached ?? []) {
    const [found] = await ctx.db.query<{ sealed: Buffer }>(
      'select sealed from event_attachment where sign_up_id = $1 and event_id = $2 and name = $3',
      [row.sign_up_id, row.event_id, name],
    );
    if (found && !isFieldOf(opened, name, openJson(key, name, row, found.sealed))) wrong.push(name);
  }
  return wrong;
}

function isFieldOf({ record }: OpenedRecord, name: string, field: unknown): boolean {
  if (field === null) return false;
  const { salt, value } = field as { salt: string; value: string };
  try {
    return record.fields?.[name] === commitField(Buffer.from(salt, 'base64'), name, value);
  } catch {
    return false;
  }
}

function isCommitted({ opening, record }: OpenedRecord, commitment: Buffer): boolean {
  try {
    return commit(Buffer.from(opening, 'base64'), record).equals(commitment);
  } catch {
    return false;
  }
}

function openJson(key: Buffer, column: string, row: LeafRow, sealed: Buffer): unknown {
  try {
    return JSON.parse(
      decryptField(key, { table: 'event_body', column, row: row.event_id ?? '' }, sealed).toString(),
    ) as unknown;
  } catch {
    return null;
  }
}

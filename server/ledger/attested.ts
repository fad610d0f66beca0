import { readFileSync } from 'node:fs';
import type { Config } from '../config.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { isCosigned } from './cosignature.js';
import { Malformed } from './malformed.js';
import { parseNote, parseVkey, type VerifierKey } from './note.js';
import { formatPolicy, meetsQuorum, parsePolicy, type Policy } from './policy.js';

/** What others say about the log's head once it covers a leaf. Notes carry all cosignatures known. */
export interface Attested {
  /** The first head that enough witnesses signed. */
  readonly witnessed: { readonly size: number; readonly note: string } | null;
  /** The first head that was time-stamped; the note is to the byte what its stamps cover. */
  readonly anchored: { readonly size: number; readonly note: string; readonly stamps: readonly Stamp[] } | null;
}

/** An RFC 3161 time stamp over SHA-256 of a note. */
export interface Stamp {
  /** URL. */
  readonly authority: string;
  /** DER of the TimeStampToken. */
  readonly token: Buffer;
  /** By the authority's clock. */
  readonly at: Date;
}

/** How many cosigned heads after a leaf are looked at for one that enough witnesses signed. */
const MOST_HEADS = 64;

/**
 * What is known beyond our own word about a leaf. `policy` (tlog-policy text) says how many witnesses are enough; where no head has as many, or without one,
 * it is the first head that most witnesses signed.
 */
export async function attestedFor(on: Queryable, leafIndex: number, policy: string | null = null): Promise<Attested> {
  return { witnessed: await findWitnessed(on, leafIndex, policy), anchored: await findAnchored(on, leafIndex) };
}

/** A head's note with the cosignatures that came for it since. Those that do not verify are left out: whoever can write rows must not spoil it (T6). */
export async function withCosignatures(on: Queryable, head: { size: number; note: string }): Promise<string> {
  return head.note + (await genuineRows(on, head)).map((row) => row.line).join('');
}

/** Who cosigned a head: verifier keys. */
export async function cosignersOf(on: Queryable, head: { size: number; note: string }): Promise<Set<string>> {
  return new Set((await genuineRows(on, head)).map((row) => row.witness));
}

async function genuineRows(on: Queryable, { size, note }: { size: number; note: string }): Promise<Row[]> {
  const rows = await on.query<Row>('select witness, line from log_cosignature where size = $1 order by witness', [
    size,
  ]);
  const { text } = parseNote(note);
  return rows.filter((row) => isGenuine(text, row));
}

/** Which witnesses this installation asks, and how many are enough: its policy without comments and addresses. */
export function witnessPolicyText(ctx: Pick<Context, 'config'>): string | null {
  const policy = witnessPolicy(ctx.config);
  return policy ? formatPolicy(policy) : null;
}

const policies = new WeakMap<Config, Policy | null>();

/** The policy that names the witnesses; null when none are asked. Read once. Throws `config-invalid`. */
export function witnessPolicy(config: Config): Policy | null {
  let policy = policies.get(config);
  if (policy === undefined) {
    policy =
      config.witnessPolicy === null || config.logMode === 'off'
        ? null
        : readPolicy(config.witnessPolicy, config.production);
    policies.set(config, policy);
  }
  return policy;
}

function readPolicy(path: string, production: boolean): Policy {
  const wrong = (why: string, cause?: unknown): Refusal =>
    new Refusal('config-invalid', `WITNESS_POLICY, ${path}: ${why}`, {}, { cause });
  let policy: Policy;
  try {
    policy = parsePolicy(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path)));
  } catch (error) {
    throw wrong(error instanceof Malformed ? error.message : 'it cannot be read as UTF-8', error);
  }
  const unsafe = policy.witnesses.find(({ url }) => production && url !== null && !/^https:/i.test(url));
  if (unsafe) throw wrong(`the address of ${unsafe.name} must be https in production`);
  return policy;
}

interface Row {
  witness: string;
  line: string;
}

interface HeadRow extends Row {
  size: string;
  note: string;
}

async function findWitnessed(on: Queryable, leafIndex: number, policy: string | null): Promise<Attested['witnessed']> {
  const rows = await on.query<HeadRow>(
    `select c.size, c.note, w.witness, w.line from (
       select size, note from log_checkpoint h
       where size > $1 and exists (select from log_cosignature w where w.size = h.size) order by size limit ${MOST_HEADS}) c
     join log_cosignature w on w.size = c.size order by c.size, w.witness`,
    [leafIndex],
  );
  const heads = headsOf(rows);
  const most = Math.max(0, ...heads.map(({ witnesses }) => witnesses.size));
  const quorum = policy === null ? null : parsePolicy(policy);
  const enough = quorum?.quorum == null ? undefined : heads.find(({ witnesses }) => meetsQuorum(quorum, witnesses));
  const head = enough ?? heads.find(({ witnesses }) => witnesses.size === most && most > 0);
  return head ? { size: head.size, note: head.note } : null;
}

interface Head {
  readonly size: number;
  note: string;
  readonly witnesses: Set<string>;
}

function headsOf(rows: readonly HeadRow[]): Head[] {
  const heads = new Map<string, Head>();
  for (const row of rows) {
    const head = heads.get(row.size) ?? { size: Number(row.size), note: row.note, witnesses: new Set() };
    heads.set(row.size, head);
    if (!isGenuine(parseNote(row.note).text, row)) continue;
    head.note += row.line;
    head.witnesses.add(row.witness);
  }
  return [...heads.values()];
}

function isGenuine(text: string, { witness, line }: Row): boolean {
  const key = readKey(witness);
  return key !== null && isCosigned(text, line, key);
}

function readKey(vkey: string): VerifierKey | null {
  try {
    return parseVkey(vkey);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

interface StampRow {
  size: string;
  authority: string;
  note: string;
  token: Buffer;
  stamped_at: Date;
}

async function findAnchored(on: Queryable, leafIndex: number): Promise<Attested['anchored']> {
  const rows = await on.query<StampRow>(
    `select * from log_stamp where size = (select min(size) from log_stamp where size > $1) order by stamped_at, authority`,
    [leafIndex],
  );
  const [first] = rows;
  if (!first) return null;
  // A cosignature may have come between two stamps; a receipt holds one note.
  const same = rows.filter((row) => row.note === first.note);
  return {
    size: Number(first.size),
    note: first.note,
    stamps: same.map((row) => ({ authority: row.authority, token: row.token, at: row.stamped_at })),
  };
}

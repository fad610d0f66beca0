import type { Context } from '../context.js';
import { OutboundError, type Outbound, type OutboundAnswer } from '../outbound.js';
import { formatAddCheckpoint, parseSize, SIZE_TYPE } from './add-checkpoint.js';
import { witnessPolicy } from './attested.js';
import { AttestorFault, takeTurn } from './attestor.js';
import { findCosignature, isCosigned, type Cosignature } from './cosignature.js';
import { Malformed } from './malformed.js';
import { formatVkey, parseNote } from './note.js';
import type { PolicyWitness } from './policy.js';
import { consistencyProof } from './prove.js';
import { hashReader, latestCheckpoint, publicCheckpoint, type StoredCheckpoint } from './store.js';

/** A witness that can be asked. */
export type ReachableWitness = PolicyWitness & { readonly url: string };

/** Witnesses of the policy that have an address. */
export function reachableWitnesses(ctx: Pick<Context, 'config'>): ReachableWitness[] {
  const witnesses = witnessPolicy(ctx.config)?.witnesses ?? [];
  return witnesses.flatMap((witness) => (witness.url === null ? [] : [{ ...witness, url: witness.url }]));
}

/** How far a witness's clock may be from ours, in ms. */
const CLOCK_MS = 600_000;
const MAX_ANSWER_BYTES = 16_384;
const TIMEOUT_MS = 5_000;

/**
 * Has a witness sign the public head of the log, when it has not yet (P-07). Whatever it answers, or does not, nobody waits for it and nothing of it is kept
 * but a cosignature that verifies under the key of the policy. Returns how many were added.
 */
export async function askWitness(
  ctx: Context,
  outbound: Outbound,
  witness: ReachableWitness,
  signal: AbortSignal,
): Promise<number> {
  const head = await publicCheckpoint(ctx.db, ctx.now());
  if (!head) return 0;
  const vkey = formatVkey(witness.key);
  if ((await lastSigned(ctx, witness)) >= head.size) return 0;
  let added = 0;
  const attestor = { kind: 'witness', name: vkey, label: witness.name } as const;
  await takeTurn(
    ctx,
    attestor,
    async () => {
      // Another worker may have had its turn since we looked.
      const signed = await lastSigned(ctx, witness);
      if (signed >= head.size) return;
      const cosignature = await submit(ctx, { outbound, witness, head, signal }, signed);
      if (cosignature) added = await keep(ctx, head.size, vkey, cosignature);
    },
    signal,
  );
  return added;
}

// Of this log's own heads, and verified: rows that somebody else wrote must not keep the witness from being asked (T6).
async function lastSigned(ctx: Context, { key }: ReachableWitness): Promise<number> {
  const rows = await ctx.db.query<{ size: string; line: string; note: string }>(
    `select w.size, w.line, h.note from log_cosignature w join log_checkpoint h on h.size = w.size
     where w.witness = $1 order by w.size desc limit 16`,
    [formatVkey(key)],
  );
  const signed = rows.find(({ line, note }) => isCosigned(parseNote(note).text, line, key));
  return Number(signed?.size ?? 0);
}

interface Asking {
  readonly outbound: Outbound;
  readonly witness: ReachableWitness;
  readonly head: StoredCheckpoint;
  readonly signal: AbortSignal;
}

/** Null: another worker was faster, with a newer head. */
async function submit(ctx: Context, asking: Asking, oldSize: number): Promise<Cosignature | null> {
  const answer = await post(ctx, asking, oldSize);
  if (answer.status !== 409) return readCosignature(ctx, asking, answer);
  const size = readSize(answer);
  if (size === oldSize)
    throw new AttestorFault('it has signed another history of this size: one of us was restored or forged');
  if (size > asking.head.size) return explainAhead(ctx, size);
  const again = await post(ctx, asking, size);
  if (again.status === 409) throw new AttestorFault('it does not stay with the size that it tells');
  return readCosignature(ctx, asking, again);
}

async function post(
  ctx: Context,
  { outbound, witness, head, signal }: Asking,
  oldSize: number,
): Promise<OutboundAnswer> {
  const proof = await consistencyProof(hashReader(ctx.db), oldSize, head.size);
  try {
    return await outbound({
      url: `${witness.url.replace(/\/+$/, '')}/add-checkpoint`,
      type: 'text/plain; charset=utf-8',
      body: formatAddCheckpoint({ oldSize, proof, note: head.note }),
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  } catch (error) {
    if (error instanceof OutboundError) throw new AttestorFault(error.message, { cause: error });
    throw error;
  }
}

function readSize({ type, body }: OutboundAnswer): number {
  try {
    if (type === SIZE_TYPE) return parseSize(body.toString('utf8'));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  throw new AttestorFault('it answers 409 without the size that it signed last');
}

// With two workers the other one may have sent a newer head; else the witness knows leaves that this database has lost (P-21).
async function explainAhead(ctx: Context, size: number): Promise<null> {
  const latest = await latestCheckpoint(ctx.db);
  if (latest && latest.size >= size) return null;
  throw new AttestorFault(
    'it has signed a larger tree than this log has: this database is older than the log, or not the log',
  );
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'it does not understand what we send (400)',
  403: 'it does not accept the key of this log (403)',
  404: 'it does not follow this log, or its address is another (404)',
  422: 'it has signed another history: one of us was restored or forged (422)',
};

function readCosignature(ctx: Context, { witness, head }: Asking, { status, body }: OutboundAnswer): Cosignature {
  if (status !== 200) throw new AttestorFault(REFUSALS[status] ?? `it answers ${status}`);
  const cosignature = openAnswer(parseNote(head.note).text, body.toString('utf8'), witness);
  if (Math.abs(cosignature.signedAt.getTime() - ctx.now().getTime()) > CLOCK_MS) {
    throw new AttestorFault('its clock and ours differ by more than ten minutes');
  }
  return cosignature;
}

function openAnswer(text: string, lines: string, witness: ReachableWitness): Cosignature {
  try {
    const cosignature = findCosignature(text, lines, witness.key);
    if (cosignature) return cosignature;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  throw new AttestorFault('what it answers is no cosignature of this head by the key in the policy');
}

async function keep(ctx: Context, size: number, vkey: string, { line, signedAt }: Cosignature): Promise<number> {
  const rows = await ctx.db.query(
    `insert into log_cosignature (size, witness, line, signed_at) values ($1, $2, $3, $4) on conflict do nothing returning size`,
    [size, vkey, line, signedAt],
  );
  if (rows.length === 0) throw new AttestorFault('its signature has no place: another one of this size stands there');
  return rows.length;
}

import type { Context } from '../context.js';
import { listAttestors, type AttestorState } from '../ledger/attestors.js';
import { publicCheckpoint } from '../ledger/store.js';

/** One line of the doctor's. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly words: string;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A head that a witness has not signed after so long is overdue. */
const LATE_MS = 5 * MINUTE_MS;

/** What witnesses and time-stamp authorities did last, and who does not answer. */
export async function attestorFindings(ctx: Context): Promise<Finding[]> {
  const states = await listAttestors(ctx);
  const head = await publicCheckpoint(ctx.db, ctx.now());
  const none: Finding[] = [
    ...(states.some(({ kind }) => kind === 'witness')
      ? []
      : [found('log: witnesses', 'none is asked (WITNESS_POLICY): nobody else would notice a second history')]),
    ...(states.some(({ kind }) => kind === 'authority')
      ? []
      : [found('log: time stamps', 'none are fetched (ANCHORS): nobody else would notice what is dated back')]),
  ];
  return [...states.map((state) => judge(ctx, state, head)), ...none];
}

function found(name: string, words: string, ok = true): Finding {
  return { name, ok, words };
}

function judge(ctx: Context, state: AttestorState, head: { size: number; signedAt: Date } | null): Finding {
  const name = `log: ${state.kind} ${state.label}`;
  const did = state.kind === 'witness' ? 'signed' : 'stamped';
  const last =
    state.at === null
      ? `nothing ${did} yet`
      : `${did} the head of size ${state.size ?? 0} at ${state.at.toISOString()}, ${ageOf(ctx, state.at)} ago`;
  if (state.problem !== null) {
    return found(name, `${state.problem}, for ${ageOf(ctx, state.since ?? ctx.now())}; ${last}`, false);
  }
  const isLate = head !== null && head.size > (state.size ?? 0) && lateness(ctx, state, head.signedAt) > LATE_MS;
  return isLate ? found(name, `${last}; overdue: is a worker running?`, false) : found(name, last);
}

/** How long ago it should have signed, in ms; negative: there is time. */
function lateness(ctx: Context, { kind, at }: AttestorState, headAt: Date): number {
  const since = ctx.now().getTime() - headAt.getTime();
  if (kind === 'witness' || at === null) return since - MINUTE_MS;
  return ctx.now().getTime() - at.getTime() - ctx.config.anchorHours * HOUR_MS;
}

function ageOf(ctx: Context, at: Date): string {
  const minutes = Math.max(0, Math.floor((ctx.now().getTime() - at.getTime()) / MINUTE_MS));
  return minutes < 120
    ? `${minutes} min`
    : minutes < 2880
      ? `${Math.floor(minutes / 60)} h`
      : `${Math.floor(minutes / 1440)} days`;
}

import { LOG_LOCK } from '../../server/ledger/grow.js';
import { logVkey } from '../../server/ledger/store.js';
import { toFigure, type Figure, type Limit, type Slice } from './figures.js';
import { fire } from './load.js';
import {
  CONCURRENCY,
  fieldIn,
  readForm,
  sliceOf,
  takeTurns,
  THREE_INSERTS,
  waitFor,
  watched,
  type Bench,
  type Extent,
} from './measures.js';
import type { Rig, ServiceUnderTest } from './rig.js';
import { seedLog } from './seed-log.js';

const APPENDS_PER_SECOND = 10_000;
const RECEIPT_CPU_MS = 50;
/** Leaves of the small log. */
const SMALL = 10_000;
/** A walk that held on to what it read would need hundreds of MB more; the rest is how the collector feels. */
const FLAT_MB = 64;

/** `integrate` on a queue that the seeding filled, then audit paths of random leaves. Before the service starts: it would empty the queue. */
export async function measureLedger({ rig, extent, inserts }: Bench): Promise<Figure[]> {
  const ledger = rig.child('ledger.js');
  await ledger.call('open');
  const baseline = async (): Promise<Slice> => inserts.run(extent.sliceMs / 2);
  const share = Math.ceil(extent.subscribers / extent.rounds);
  const appends = await takeTurns(extent.rounds, baseline, async () => sliceOf(ledger, 'append', { count: share }));
  const proofs = await takeTurns(extent.rounds, baseline, async () =>
    sliceOf(ledger, 'prove', { ms: extent.sliceMs / 2 }),
  );
  await ledger.stop();
  const figure = toFigure(
    'ledger appends',
    appends.measured,
    { name: THREE_INSERTS, slices: appends.base, target: null },
    'p50 and p99 of a batch',
  );
  return [
    limited(figure, `>= ${APPENDS_PER_SECOND.toLocaleString('en')}/s`, figure.rate >= APPENDS_PER_SECOND),
    toFigure('proofs', proofs.measured, { name: THREE_INSERTS, slices: proofs.base, target: null }),
  ];
}

/** What the log costs a sign-up: the same posts while events get their leaves, and while they do not. Decisions and mails wait in both. */
export async function measureLogCost({ rig, extent }: Bench, service: ServiceUnderTest): Promise<Figure[]> {
  await rig.sink.call('reset', { collect: false });
  const form = await readForm(service);
  let people = 0;
  const slice = async (): Promise<Slice> =>
    watched(service, async () =>
      fire({
        base: service.base,
        concurrency: CONCURRENCY,
        count: Infinity,
        ms: extent.sliceMs,
        shot: () => ({
          method: 'POST',
          path: '/lists/news',
          fields: { ...form, email: `cost-${(people += 1)}@people.example` },
        }),
        check: ({ status }) => status === 200,
      }),
    );
  const held = async (lock?: number): Promise<Slice> => {
    const done = await rig.ctx.db.transaction(async (tx) => {
      await tx.query('lock table delivery in share row exclusive mode');
      return slice();
    }, lock);
    await waitFor(async () => isSettled(rig));
    return done;
  };
  await held();
  const turns = await takeTurns(
    extent.rounds,
    async () => held(LOG_LOCK),
    async () => held(),
  );
  const against = { name: 'integration off', slices: turns.base, target: 0.9 };
  return [toFigure('sign-ups, log on', turns.measured, against, 'decisions and mails wait in both')];
}

async function isSettled(rig: Rig): Promise<boolean> {
  const [row] = await rig.ctx.db.query<{ n: number }>(
    `select (select count(*) from log_queue)::int + (select count(*) from sign_up where outcome is null)::int
       + (select count(*) from delivery where state in ('queued', 'sending'))::int as n`,
  );
  return row?.n === 0;
}

/** A receipt of somebody who signed up and confirmed here, verified offline in a process that does nothing else. */
export async function measureReceipt({ rig, extent }: Bench, service: ServiceUnderTest): Promise<Figure[]> {
  const text = await makeReceipt(rig, service);
  const child = rig.child('verify.js');
  const slices: Slice[] = [];
  for (let round = 0; round < extent.rounds; round += 1)
    slices.push(await sliceOf(child, 'verify', { text, vkey: logVkey(rig.ctx), ms: extent.sliceMs }));
  await child.stop();
  const figure = toFigure('receipts verified', slices, null, `${Math.round(text.length / 1000)} kB`);
  return [limited(figure, `CPU < ${RECEIPT_CPU_MS} ms`, (figure.cpuMs ?? 0) < RECEIPT_CPU_MS)];
}

async function makeReceipt(rig: Rig, service: ServiceUnderTest): Promise<string> {
  await rig.sink.call('reset', { collect: true });
  const send = async (path: string, fields: Record<string, string>): Promise<string> => {
    const body = new URLSearchParams(fields);
    return (await fetch(new URL(path, service.base), { method: 'POST', body })).text();
  };
  await send('/lists/news', { ...(await readForm(service)), email: 'receipt@people.example' });
  const links: string[] = [];
  await waitFor(async () => {
    links.push(...((await rig.sink.call('links')) as string[]));
    return links.length > 0;
  });
  const link = new URL(links[0] ?? '', service.base);
  const nonce = fieldIn(await (await fetch(link)).text(), 'nonce');
  const confirmed = await send(link.pathname, { nonce });
  const [path] = /\/receipts\/[\w-]+/.exec(confirmed) ?? [];
  if (!path) throw new Error('there is no receipt on the page after confirming');
  return (await fetch(new URL(path, service.base))).text();
}

/** A small log, and the same grown big: the time of one proof, and the memory of a full check. */
export async function measureGrowth(rig: Rig, extent: Extent): Promise<Figure[]> {
  const { ctx } = rig;
  const proofs: Slice[][] = [];
  const checks: Slice[] = [];
  for (const size of [SMALL, extent.leaves]) {
    await seedLog(ctx, 'news', size);
    const ledger = rig.child('ledger.js');
    await ledger.call('open');
    const slices: Slice[] = [];
    // The first warms up.
    for (let round = 0; round <= extent.rounds; round += 1)
      slices.push(await sliceOf(ledger, 'prove', { ms: extent.sliceMs / 2, provers: 1 }));
    proofs.push(slices.slice(1));
    await ledger.stop();
    // In a process of its own, so that nothing but the check needs memory.
    const checker = rig.child('ledger.js');
    await checker.call('open');
    checks.push(await sliceOf(checker, 'fsck', {}));
    await checker.stop();
  }
  const names = [SMALL, extent.leaves].map((size) => size.toLocaleString('en'));
  const more = (checks[1]?.rssMb ?? 0) - (checks[0]?.rssMb ?? 0);
  const figure = toFigure(`fsck of ${names[1] ?? ''} leaves`, checks.slice(1), {
    ...{ name: `of ${names[0] ?? ''}`, slices: checks.slice(0, 1), target: null },
  });
  return [
    toFigure(`proof in ${names[1] ?? ''} leaves`, proofs[1] ?? [], {
      ...{ name: `in ${names[0] ?? ''}`, slices: proofs[0] ?? [], target: 0.5 },
    }),
    limited({ ...figure, note: `${more} MB more than of ${names[0] ?? ''}` }, `RSS < +${FLAT_MB} MB`, more < FLAT_MB),
  ];
}

function limited(figure: Figure, words: string, reached: boolean): Figure {
  const limit: Limit = { words, reached };
  return { ...figure, limit };
}

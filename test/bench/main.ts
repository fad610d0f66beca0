import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { Command, Option } from 'commander';
import { openThreeInserts } from './baselines.js';
import { measureEngine } from './engine-measures.js';
import { formatTable, missed, type Figure } from './figures.js';
import { measureGateway, measureLarge } from './gateway-measures.js';
import { measureCampaign, measurePages, measureSignUps, type Bench, type Extent } from './measures.js';
import { measureGrowth, measureLedger, measureLogCost, measureReceipt } from './proof-measures.js';
import { makeRig, type Rig } from './rig.js';
import { measureScale } from './scale-measures.js';
import { seedSubscribers } from './seed.js';

const MEASURES = [
  'engine',
  'ledger',
  'pages',
  'sign-ups',
  'log-cost',
  'receipt',
  'campaign',
  'gateway',
  'large',
  'scale',
  'growth',
];
const FULL: Extent = {
  subscribers: 10_000,
  rounds: 5,
  sliceMs: 2_500,
  confirmations: 800,
  leaves: 1_000_000,
  recipients: 100_000,
};
const QUICK: Extent = {
  subscribers: 3_000,
  rounds: 3,
  sliceMs: 1_000,
  confirmations: 300,
  leaves: 100_000,
  recipients: 30_000,
};

interface Options {
  readonly quick?: boolean;
  readonly only?: string;
  readonly subscribers?: string;
  readonly leaves?: string;
  readonly recipients?: string;
  readonly json?: string;
  readonly profile?: string;
  readonly ed25519?: boolean;
}

const options: Options = new Command('bench')
  .description(
    'How fast is it here? Each figure beside a baseline of the same run, in turns: compare ratios, not rates.',
  )
  .option('--quick', 'a minute instead of some')
  .addOption(new Option('--only <measure>', 'one part').choices(MEASURES))
  .option('--subscribers <count>', `how many are on the list (${FULL.subscribers})`)
  .option('--leaves <count>', `how many leaves the big log has (${FULL.leaves})`)
  .option('--recipients <count>', `how many the big campaign goes to (${FULL.recipients})`)
  .option('--json <file>', 'write the figures there too')
  .option(
    '--ed25519',
    'sign with Ed25519 as well, as where the DNS shows both keys; else RSA-2048 alone, as nodemailer does',
  )
  .option('--profile <dir>', 'let the service leave a CPU profile there')
  .parse()
  .opts();

const extent = extentOf(options);
const server = process.env['TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const rigs: Rig[] = [];
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted.abort();
    void closeAll().finally(() => process.exit(130));
  });
}
try {
  const figures = await run((name) => options.only === undefined || options.only === name);
  console.log(`\n${formatTable(figures)}`);
  if (options.json !== undefined) await writeFile(options.json, report(figures));
  const short = missed(figures);
  if (short.length > 0) console.log(`\nBelow target: ${short.map((one) => one.name).join(', ')}`);
} catch (error) {
  if (!interrupted.signal.aborted) console.error(error);
  process.exitCode = 1;
} finally {
  await closeAll();
}
process.exit();

async function run(has: (name: string) => boolean): Promise<Figure[]> {
  // The engine needs no database.
  const figures = has('engine') ? await told('engine', async () => measureEngine(extent)) : [];
  if (options.only === 'engine') return figures;
  if (options.only !== 'growth' && options.only !== 'scale')
    figures.push(...(await runMost(await openRig(options.profile ?? null), has)));
  // Each in a database of its own: nothing else is to be measured beside a big log or a big list.
  if (has('scale')) figures.push(...(await told('scale', async () => measureScale(await openRig(null), extent))));
  if (has('growth')) figures.push(...(await told('growth', async () => measureGrowth(await openRig(null), extent))));
  return figures;
}

async function openRig(profileDir: string | null): Promise<Rig> {
  const rig = await makeRig(server, { profileDir, hasEd25519: options.ed25519 === true });
  rigs.push(rig);
  return rig;
}

async function closeAll(): Promise<void> {
  for (const one of rigs) await one.close();
}

async function runMost(on: Rig, has: (name: string) => boolean): Promise<Figure[]> {
  say(`seeding ${extent.subscribers} subscribers`);
  const refs = await seedSubscribers(on.ctx, 'news', extent.subscribers, 5_000);
  const inserts = await openThreeInserts(on.databaseUrl);
  try {
    const bench: Bench = { rig: on, extent, refs, inserts };
    const figures: Figure[] = [];
    if (has('ledger')) figures.push(...(await told('ledger', async () => measureLedger(bench))));
    if (options.only === 'ledger') return figures;
    const service = await on.startService();
    await emptyQueue(on);
    if (has('pages')) figures.push(...(await told('pages', async () => measurePages(bench, service))));
    if (has('sign-ups')) figures.push(...(await told('sign-ups', async () => measureSignUps(bench, service))));
    if (has('log-cost')) figures.push(...(await told('log-cost', async () => measureLogCost(bench, service))));
    if (has('receipt')) figures.push(...(await told('receipt', async () => measureReceipt(bench, service))));
    if (has('campaign')) figures.push(...(await told('campaign', async () => measureCampaign(bench, service))));
    if (has('gateway')) figures.push(...(await told('gateway', async () => measureGateway(bench, service))));
    if (has('large')) figures.push(...(await told('large', async () => measureLarge(bench, service))));
    return figures;
  } finally {
    await inserts.close();
  }
}

/** What the seeding left for the proof log must be out of the way. */
async function emptyQueue(on: Rig): Promise<void> {
  for (;;) {
    const [row] = await on.ctx.db.query('select 1 from log_queue limit 1');
    if (!row) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function told(name: string, measure: () => Promise<Figure[]>): Promise<Figure[]> {
  const started = performance.now();
  say(`measuring ${name}`);
  const figures = await measure();
  say(`${name}: ${Math.round((performance.now() - started) / 1000)} s`);
  return figures;
}

function say(text: string): void {
  console.error(text);
}

function extentOf({ quick, subscribers, leaves, recipients }: Options): Extent {
  const usual = quick ? QUICK : FULL;
  const base = {
    ...usual,
    ...(leaves === undefined ? {} : { leaves: countOf('--leaves', leaves, 20_000) }),
    ...(recipients === undefined ? {} : { recipients: countOf('--recipients', recipients, 20_000) }),
  };
  if (subscribers === undefined) return base;
  const count = countOf('--subscribers', subscribers, 1_000);
  // A campaign goes to everybody: with a great many, once is enough.
  return { ...base, subscribers: count, rounds: count > 100_000 ? 1 : base.rounds };
}

function countOf(option: string, text: string, least: number): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < least) throw new Error(`${option}: a number from ${least} on`);
  return count;
}

function report(figures: readonly Figure[]): string {
  const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? 'unknown' };
  return `${JSON.stringify({ at: new Date().toISOString(), machine, extent, figures }, null, 2)}\n`;
}

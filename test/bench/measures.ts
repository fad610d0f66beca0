import { createHash, generateKeyPairSync } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { preferencesUrl } from '../../server/links/urls.js';
import { openThreeInserts, rsaSignatures } from './baselines.js';
import { watchProcess, type Child } from './child.js';
import { bareSlice, toFigure, type Figure, type Slice } from './figures.js';
import { fire } from './load.js';
import type { Rig, ServiceUnderTest } from './rig.js';

/** How much is done. */
export interface Extent {
  readonly subscribers: number;
  /** Turns of measure and baseline. */
  readonly rounds: number;
  /** Length of a timed slice, in ms. */
  readonly sliceMs: number;
  /** Confirmations of one slice at most: each costs a sign-up and a mail before. */
  readonly confirmations: number;
  /** Leaves of the big log. */
  readonly leaves: number;
  /** Of the big campaign. */
  readonly recipients: number;
}

export interface Bench {
  readonly rig: Rig;
  readonly extent: Extent;
  /** Of preference pages. */
  readonly refs: readonly Buffer[];
  readonly inserts: Awaited<ReturnType<typeof openThreeInserts>>;
}

export const THREE_INSERTS = 'three inserts';
export const CONCURRENCY = 16;
/** People press at the same time; each waits for the leaf of what was done. */
const PRESSING = 64;
const SETTLED_MS = 120_000;

/** Takes turns: a slice of the baseline, a slice of the measure. */
export async function takeTurns(
  rounds: number,
  baseline: () => Promise<Slice>,
  measure: () => Promise<Slice>,
): Promise<{ measured: Slice[]; base: Slice[] }> {
  const [measured, base]: [Slice[], Slice[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    base.push(await baseline());
    measured.push(await measure());
  }
  return { measured, base };
}

/** A slice of what a child does. */
export async function sliceOf(child: Child, what: string, input: unknown): Promise<Slice> {
  const { result, rssMb, cpuMs } = await watchProcess(child.pid, async () => child.call(what, input));
  return { ...(result as Slice), rssMb, cpuMs };
}

/** Posts of the real form, and presses of the button in the mails that follow. */
export async function measureSignUps(bench: Bench, service: ServiceUnderTest): Promise<Figure[]> {
  const { rig, extent, inserts } = bench;
  await rig.sink.call('reset', { collect: true });
  const form = await readForm(service);
  const baseline = async (): Promise<Slice> => inserts.run(extent.sliceMs);
  const mails: Slice[] = [];
  const links: string[] = [];
  let people = 0;
  const signUps = await takeTurns(extent.rounds, baseline, async () => {
    const started = performance.now();
    const slice = await watched(service, async () =>
      fire({
        base: service.base,
        concurrency: CONCURRENCY,
        count: Infinity,
        ms: extent.sliceMs,
        shot: () => ({
          method: 'POST',
          path: '/lists/news',
          fields: { ...form, email: `new-${(people += 1)}@people.example` },
        }),
        check: ({ status, body }) => status === 200 && body.includes('@people.example'),
      }),
    );
    // The mails of a slice are out before the baseline has its turn.
    await waitFor(async () => {
      links.push(...((await rig.sink.call('links')) as string[]));
      return links.length >= people;
    });
    mails.push(bareSlice(slice.count, performance.now() - started));
    return slice;
  });
  const figures = [
    toFigure('sign-ups', signUps.measured, { name: THREE_INSERTS, slices: signUps.base, target: 0.3 }),
    toFigure(
      'confirmation mails',
      mails,
      { name: THREE_INSERTS, slices: signUps.base, target: null },
      'first post to last mail',
    ),
  ];
  const confirmations = await measureConfirmations(bench, service, links, baseline);
  return [...figures, confirmations];
}

async function measureConfirmations(
  { extent }: Bench,
  service: ServiceUnderTest,
  links: string[],
  baseline: () => Promise<Slice>,
): Promise<Figure> {
  const share = Math.min(extent.confirmations, Math.floor(links.length / extent.rounds));
  const turns = await takeTurns(extent.rounds, baseline, async () => {
    const paths = links.splice(0, share);
    const nonces: string[] = [];
    await fire({
      base: service.base,
      concurrency: CONCURRENCY,
      count: paths.length,
      ms: Infinity,
      shot: (place) => ({ method: 'GET', path: paths[place] ?? '' }),
      check: ({ status, body }, place) => {
        nonces[place] = fieldIn(body, 'nonce');
        return status === 200;
      },
    });
    return watched(service, async () =>
      fire({
        base: service.base,
        concurrency: PRESSING,
        count: paths.length,
        ms: Infinity,
        shot: (place) => ({ method: 'POST', path: paths[place] ?? '', fields: { nonce: nonces[place] ?? '' } }),
        check: ({ status, body }) => status === 200 && body.includes('/receipts/'),
      }),
    );
  });
  return toFigure('confirmations', turns.measured, { name: THREE_INSERTS, slices: turns.base, target: 0.3 });
}

/** Preference pages of different people, against a page of the same length with nothing behind it. */
export async function measurePages({ rig, extent, refs }: Bench, service: ServiceUnderTest): Promise<Figure[]> {
  const { ctx } = rig;
  const maker = { keyring: ctx.keyring, publicUrl: service.base };
  const paths = refs.map((ref) => new URL(preferencesUrl(maker, ref)).pathname);
  const sample = await (await fetch(`${service.base}${paths[0] ?? ''}`)).text();
  const bare = rig.child('bare-page.js');
  const port = (await bare.call('listen', { bytes: Buffer.byteLength(sample) })) as number;
  const load = async (base: string): Promise<Slice> =>
    fire({
      base,
      concurrency: CONCURRENCY,
      count: Infinity,
      ms: extent.sliceMs,
      shot: (place) => ({ method: 'GET', path: paths[place % paths.length] ?? '' }),
      check: ({ status, body }) => status === 200 && body.includes('<form') === (base === service.base),
    });
  const turns = await takeTurns(
    extent.rounds,
    async () => watched(bare, async () => load(`http://localhost:${port}`)),
    async () => watched(service, async () => load(service.base)),
  );
  await bare.stop();
  return [
    toFigure('preference pages', turns.measured, { name: 'bare page', slices: turns.base, target: 0.4 }),
    toFigure('bare page', turns.base, null, 'the baseline itself'),
  ];
}

/** A whole campaign to everybody on the list, by the service's own worker, timed from its first to its last mail. */
export async function measureCampaign({ rig, extent }: Bench, service: ServiceUnderTest): Promise<Figure[]> {
  const nodemailer = rig.child('nodemailer-pool.js');
  const source = newsletterHtml();
  const privateKey = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey;
  const rsa: Slice[] = [];
  let sizes = '';
  let rate = 300;
  const content = { html: source, text: '' };
  const turns = await takeTurns(
    extent.rounds,
    async () => {
      rsa.push(rsaSignatures(500));
      if (content.text === '') content.text = await textPart(rig, source);
      await rig.sink.call('reset', { collect: false });
      const count = Math.max(200, Math.round((rate * extent.sliceMs) / 1000));
      const ms = (await nodemailer.call('send', { port: rig.sinkPort, count, privateKey, ...content })) as number;
      rate = count / (ms / 1000);
      const { bytes } = await countsOf(rig);
      sizes = `nodemailer's mail ${Math.round(bytes / count / 100) / 10} kB`;
      return bareSlice(count, ms);
    },
    async () => {
      await rig.sink.call('reset', { collect: false });
      const id = await createCampaign(rig.ctx, { list: 'news', fileName: 'may.html', source: Buffer.from(source) });
      return watched(service, async () => {
        await releaseCampaign(rig.ctx, id);
        const [all] = await rig.ctx.db.query<{ n: number }>(
          `select count(*)::int as n from consent c join campaign k on k.list_id = c.purpose_id where k.id = $1 and c.state = 'confirmed'`,
          [id],
        );
        await waitFor(async () => (await countsOf(rig)).mails >= (all?.n ?? 0), SETTLED_MS + (all?.n ?? 0));
        const { firstAt, lastAt, bytes, mails } = await countsOf(rig);
        sizes = `ours ${Math.round(bytes / mails / 100) / 10} kB, ${sizes.slice(sizes.indexOf('nodemailer'))}`;
        return bareSlice(mails - 1, lastAt - firstAt);
      });
    },
  );
  await nodemailer.stop();
  return [
    toFigure('campaign mails', turns.measured, { name: 'nodemailer pool', slices: turns.base, target: 5 }, sizes),
    toFigure('campaign mails', turns.measured, { name: 'RSA-2048 signatures', slices: rsa, target: 0.5 }),
  ];
}

async function textPart(rig: Rig, source: string): Promise<string> {
  const id = await createCampaign(rig.ctx, { list: 'news', fileName: 'text.html', source: Buffer.from(source) });
  const [row] = await rig.ctx.db.query<{ text: string }>('select text from campaign where id = $1', [id]);
  return row?.text ?? '';
}

async function countsOf(rig: Rig): Promise<{ mails: number; bytes: number; firstAt: number; lastAt: number }> {
  return (await rig.sink.call('counts')) as { mails: number; bytes: number; firstAt: number; lastAt: number };
}

/** About 10 kB as a mail with its text part; words that differ, as in a letter. */
export function newsletterHtml(): string {
  const words = (n: number): string =>
    Array.from({ length: 60 }, (_, i) =>
      createHash('sha256')
        .update(`${n} ${i}`)
        .digest('hex')
        .slice(0, 3 + (i % 6)),
    ).join(' ');
  const paragraphs = Array.from(
    { length: 9 },
    (_, n) => `<h2>Book ${n}</h2>\n<p style="margin:0 0 16px">${words(n)}.</p>`,
  );
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>New books in May</title></head>\n<body>\n${paragraphs.join('\n')}\n</body></html>\n`;
}

export async function watched(service: { pid: number }, work: () => Promise<Slice>): Promise<Slice> {
  const { result, rssMb, cpuMs } = await watchProcess(service.pid, work);
  return { ...result, rssMb, cpuMs };
}

export async function readForm(service: ServiceUnderTest): Promise<Record<string, string>> {
  const page = await (await fetch(`${service.base}/lists/news?lang=en`)).text();
  return { ticket: fieldIn(page, 'ticket'), consent: fieldIn(page, 'consent') };
}

/** The value of the input of this name on a page. */
export function fieldIn(page: string, name: string): string {
  const input = new RegExp(`<input[^>]*\\bname="${name}"[^>]*>`).exec(page)?.[0] ?? '';
  return /\bvalue="([^"]*)"/.exec(input)?.[1] ?? '';
}

export async function waitFor(isDone: () => Promise<boolean>, ms = SETTLED_MS): Promise<void> {
  const end = performance.now() + ms;
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error('the mails did not arrive in time');
    await setTimeout(50);
  }
}

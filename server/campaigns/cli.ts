import { open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { basename } from 'node:path';
import { catalogue, listBySlug } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { changeDraft } from './draft.js';
import { chooseAudience } from './choose-audience.js';
import { fanOut, finishCampaigns } from './fan-out.js';
import { isAnswered, progress, secondsLeft, skippedCount, type Progress } from './progress.js';
import { releaseCampaign } from './release.js';
import { domainsOf } from '../delivery/domains.js';
import { outageOf } from '../delivery/outage.js';
import { slowedBy, type SlowedBy } from './slowed-by.js';
import type { SendingPlan } from './settings.js';
import { readStart } from './start-time.js';
import { segmentsOf } from './segments.js';
import { MAX_UPLOAD_BYTES } from './format.js';
import { createCampaign } from './upload.js';

/** Something to write text to, such as process.stdout. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  /** Where `write` may answer false: tells when there is room again. */
  once?(event: 'drain', listener: () => void): unknown;
}

export interface CampaignSend {
  readonly file: string;
  /** The list's slug. */
  readonly list: string;
  /** Absent: the file's title. */
  readonly subject?: string;
  /** `2026-12-01T09:00` by the clocks of the organisation, or with an offset; absent: at once. */
  readonly at?: string;
  readonly plan?: Pick<SendingPlan, 'perSecond' | 'warmUp'>;
  /** A saved part of the list. */
  readonly segment?: string;
  /** Only people of these languages. */
  readonly languages?: readonly string[];
  /** What tags of another mailing system become is accepted as proposed; else such a file is refused. */
  readonly acceptsTags?: boolean;
  readonly wait: boolean;
  readonly json: boolean;
  readonly out: Output;
  /** For progress and refusals. */
  readonly err: Output;
  /** Starts a sender in this process, when no service runs beside it; returns what stops it. */
  readonly runWorker?: () => Promise<() => Promise<void>>;
}

/**
 * `zgoda campaign send`: uploads, releases, queues; with `wait` shows how it goes until every mail was tried. Returns the exit
 * code: 0, or 1 when it was refused, with the reasons on `err`. What the other side puts off goes later, by the service.
 */
export async function campaignSend(ctx: Context, send: CampaignSend): Promise<0 | 1> {
  let stop = async (): Promise<void> => Promise.resolve();
  try {
    const sending = await planOf(ctx, send);
    const source = await readAtMost(send.file, MAX_UPLOAD_BYTES + 1);
    const subject = send.subject === undefined ? {} : { subject: send.subject };
    const audience = await audienceFor(ctx, send);
    const id = await createCampaign(ctx, {
      ...{ list: send.list, fileName: basename(send.file), source },
      ...subject,
      ...(send.acceptsTags ? { tags: 'accept' as const } : {}),
    });
    if (Object.keys(sending).length > 0) await changeDraft(ctx, id, { settings: { sending } });
    if (audience) await chooseAudience(ctx, id, audience);
    await releaseCampaign(ctx, id);
    if (send.wait && send.runWorker) stop = await send.runWorker();
    const now = send.wait ? await watch(ctx, id, send.err) : await queueAll(ctx, id);
    report(send, now);
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    send.err.write(`${error.code === 'list-unknown' ? await unknownList(ctx, send.list) : error.message}\n`);
    return 1;
  } finally {
    await stop();
  }
}

/** What is to be said of the time goes to `err`. */
async function planOf(ctx: Context, { list, at, plan = {}, err }: CampaignSend): Promise<SendingPlan> {
  if (at === undefined) return plan;
  const { organisation } = await listBySlug(ctx, list);
  const start = readStart(at, organisation.timeZone);
  if (start.note) err.write(`${start.note}\n`);
  return { ...plan, at: start.at.toISOString() };
}

/** Whom of the list it goes to; null: everybody. */
async function audienceFor(ctx: Context, { list, segment, languages }: CampaignSend): Promise<object | null> {
  if (segment === undefined && languages === undefined) return null;
  const { id } = await listBySlug(ctx, list);
  const segments = segment === undefined ? [] : await segmentsOf(ctx, id);
  const found = segments.find(({ name }) => name === segment);
  if (segment !== undefined && !found) {
    const known = segments.map(({ name }) => name).join(', ') || 'none yet';
    throw new Refusal('not-found', `There is no segment "${segment}" of the list ${list}. There is ${known}.`);
  }
  return { ...found?.filter, ...(languages === undefined ? {} : { languages }) };
}

async function unknownList(ctx: Context, slug: string): Promise<string> {
  const known = (await catalogue(ctx)).lists.map((list) => list.slug);
  return known.length > 0
    ? `There is no such list: ${slug}. There is ${known.join(', ')}.`
    : `There is no such list: ${slug}. There is none yet: "zgoda setup FILE" makes them.`;
}

async function readAtMost(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path).catch((error: unknown) => {
    throw new Refusal('not-found', `The file ${path} cannot be read.`, {}, { cause: error });
  });
  try {
    if (!(await file.stat()).isFile()) throw new Refusal('not-found', `${path} is not a file.`);
    const buffer = Buffer.alloc(bytes);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes; length += read) {
      read = (await file.read(buffer, length, bytes - length)).bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Queues the audience here rather than waiting for a service, which may not run. Several may do it at once. */
async function queueAll(ctx: Context, id: string): Promise<Progress> {
  for (;;) {
    const read = await fanOut(ctx);
    const now = await progress(ctx, id);
    if (now.isFannedOut || now.state !== 'sending') return now;
    if (read === 0) await setTimeout(100);
  }
}

async function watch(ctx: Context, id: string, err: Output): Promise<Progress> {
  for (;;) {
    // Harmless beside a service that does the same.
    const read = await fanOut(ctx);
    const now = await progress(ctx, id);
    if (err.isTTY) err.write(`\r\x1b[K${progressLine(now)}${slowedLine(await slowing(ctx, now))}`);
    if (isAnswered(now) || !['scheduled', 'sending', 'paused', 'sent'].includes(now.state)) {
      if (err.isTTY) err.write('\n');
      await finishCampaigns(ctx);
      return now;
    }
    if (read === 0) await setTimeout(LOOK_MS);
  }
}

const LOOK_MS = 250;
const BAR = 30;

function progressLine(now: Progress): string {
  const answered = now.queued - now.waiting - now.sending;
  const share = now.queued === 0 ? 0 : answered / now.queued;
  const full = Math.round(share * BAR);
  const left = secondsLeft(now);
  return [
    `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${Math.floor(share * 100)}%`,
    `${answered} of ${now.queued}${now.isFannedOut ? '' : '+'}`,
    `${Math.round(now.rate)}/s`,
    left === null ? '' : `${duration(left)} left`,
    now.state === 'scheduled' ? `starts at ${now.startedAt?.toISOString() ?? ''}` : '',
    now.state === 'paused' ? 'paused' : '',
    now.state === 'sending' && now.waiting > 0 && now.rate === 0 && now.sending === 0 ? 'waiting for the sender' : '',
  ]
    .filter((part) => part !== '')
    .join('  ');
}

async function slowing(ctx: Context, now: Progress): Promise<SlowedBy | null> {
  return slowedBy(now, await domainsOf(ctx, now.campaign), ctx.now(), await outageOf(ctx.db, ctx.now()));
}

/** What holds it up, on the same line. */
function slowedLine(slowed: SlowedBy | null): string {
  if (slowed?.kind === 'own-server') return `  our mail server does not answer: ${oneLine(slowed.reply)}`;
  return slowed?.kind === 'domain' ? `  slowed by ${slowed.name}: ${oneLine(slowed.reply)}` : '';
}

/** What a server says goes to a terminal: no control characters, and little of it. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, ' ').slice(0, 60);
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function report(send: CampaignSend, now: Progress): void {
  const counts = {
    campaign: now.campaign,
    queued: now.queued,
    ...(send.wait ? {} : { waiting: now.waiting + now.sending }),
    sent: now.sent,
    failed: now.failed,
    skipped: skippedCount(now),
    deferred: now.deferred,
    unknown: now.unknown,
  };
  if (send.json) {
    send.out.write(`${JSON.stringify(counts)}\n`);
    return;
  }
  const rows = Object.entries(counts).map(([name, value]) => `${name.padEnd(10)}${String(value).padStart(10)}`);
  const reasons = Object.entries(now.skipped).map(([reason, n]) => `  ${reason.padEnd(16)}${String(n).padStart(8)}`);
  send.out.write(`${[...rows, ...(reasons.length > 0 ? ['skipped because:', ...reasons] : [])].join('\n')}\n`);
}

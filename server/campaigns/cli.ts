import { open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { basename, extname } from 'node:path';
import { catalogue, listBySlug } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { chooseAudience } from './choose-audience.js';
import { fanOut, finishCampaigns } from './fan-out.js';
import type { Placement } from './placement.js';
import { isAnswered, progress, skippedCount, type Progress } from './progress.js';
import { progressLine } from './progress-line.js';
import { releaseCampaign } from './release.js';
import { domainsOf } from '../delivery/domains.js';
import { outageOf } from '../delivery/outage.js';
import { slowedBy, type SlowedBy } from './slowed-by.js';
import type { SendingPlan, Tracking } from './settings.js';
import { readStart } from './start-time.js';
import { segmentsOf } from './segments.js';
import { MAX_UPLOAD_BYTES } from './format.js';
import { chooseTracking, finishedMessage, requirePurpose } from './tracking.js';
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
  /** Whether clicks are counted; absent: not. */
  readonly tracking?: Tracking;
  /** What tags of another mailing system become is accepted as proposed; else such a file is refused. */
  readonly acceptsTags?: boolean;
  readonly pictures?: Placement;
  /** The words beside the subject in the inbox; absent: those of the file. */
  readonly preheader?: string;
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
    const tracking = await trackingFor(ctx, send);
    const source = await readAtMost(send.file, MAX_UPLOAD_BYTES + 1);
    const subject = send.subject === undefined ? {} : { subject: send.subject };
    const audience = await audienceFor(ctx, send);
    const id = await createCampaign(ctx, {
      ...{ list: send.list, fileName: basename(send.file), source },
      ...subject,
      ...(send.acceptsTags ? { tags: 'accept' as const } : {}),
      ...(send.pictures ? { pictures: send.pictures } : {}),
      ...(send.preheader === undefined ? {} : { preheader: send.preheader }),
      ...(Object.keys(sending).length > 0 ? { settings: { sending } } : {}),
    });
    if (audience) await chooseAudience(ctx, id, audience);
    await chooseTracking(ctx, id, tracking);
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

/** Whether clicks are counted. What cannot be is refused before anything is uploaded. */
async function trackingFor(ctx: Context, { list, file, tracking = 'off' }: CampaignSend): Promise<Tracking> {
  if (tracking !== 'off' && extname(file).toLowerCase() === '.eml') throw finishedMessage();
  await requirePurpose(ctx, await listBySlug(ctx, list), tracking);
  return tracking;
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
    if (err.isTTY) err.write(`\r\x1b[K${progressLine(now, await slowing(ctx, now))}`);
    if (isAnswered(now) || !['scheduled', 'sending', 'paused', 'sent'].includes(now.state)) {
      if (err.isTTY) err.write('\n');
      await finishCampaigns(ctx);
      return now;
    }
    if (read === 0) await setTimeout(LOOK_MS);
  }
}

const LOOK_MS = 250;

async function slowing(ctx: Context, now: Progress): Promise<SlowedBy | null> {
  return slowedBy(now, await domainsOf(ctx, now.campaign), ctx.now(), await outageOf(ctx.db, ctx.now()));
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

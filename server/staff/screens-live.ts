import type { Response } from 'express';
import { setTimeout } from 'node:timers/promises';
import { progress } from '../campaigns/progress.js';
import type { Site } from '../web/http.js';
import { staffOfSession } from './auth.js';
import { progressPart } from './campaign-part.js';
import { livePart } from './live-part.js';

const CHECK_MS = 15_000;
const LEAST_PAUSE_MS = 1_000;

/** Who reads a live answer, and when it ends. */
export interface LiveReader {
  readonly secret: string | undefined;
  /** Ends with the service. */
  readonly signal?: AbortSignal;
}

/** The numbers of a campaign as they move, until nothing moves any more. */
export async function sendLive(
  site: Site,
  res: Response,
  live: LiveReader & { id: string; language: string; zone: string },
): Promise<void> {
  await sendEvents(site, res, live, async () => {
    const now = await progress(site.ctx, live.id);
    const part = progressPart(now, live.language, live.zone, await livePart(site.ctx, now));
    return { html: site.renderer.fragment('admin-progress', part), isOver: !part.isMoving };
  });
}

/**
 * Server-sent events with a part of a page as HTML, whenever it changes, until it is over or the reader goes. The session is checked again every 15 s (T19):
 * whoever was logged out sees nothing more.
 */
export async function sendEvents(
  site: Pick<Site, 'ctx'>,
  res: Response,
  { secret, signal }: LiveReader,
  look: () => Promise<{ readonly html: string; readonly isOver: boolean }>,
): Promise<void> {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  const over = signal ? AbortSignal.any([gone.signal, signal]) : gone.signal;
  res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
  let checked = performance.now();
  let shown = '';
  while (!over.aborted) {
    const started = performance.now();
    if (started - checked > CHECK_MS) {
      if (!(await staffOfSession(site.ctx, secret))) break;
      checked = started;
      // A proxy cuts what stays silent.
      res.write(':\n\n');
    }
    const { html, isOver } = await look();
    if (html !== shown) res.write(eventOf('progress', html));
    shown = html;
    if (isOver) {
      res.write(eventOf('done', ''));
      break;
    }
    // Looking takes a while itself where there is much to see: it gets a tenth of the time.
    const pause = Math.max(LEAST_PAUSE_MS, (performance.now() - started) * 10);
    await setTimeout(pause, undefined, { signal: over }).catch(() => undefined);
  }
  res.end();
}

function eventOf(name: string, data: string): string {
  const lines = data.split(/\r\n?|\n/).map((line) => `data: ${line}\n`);
  return `event: ${name}\n${lines.join('')}\n`;
}

import type { Response } from 'express';
import { setTimeout } from 'node:timers/promises';
import { progress } from '../campaigns/progress.js';
import type { Site } from '../web/http.js';
import { staffOfSession } from './auth.js';
import { progressPart } from './campaign-part.js';

const CHECK_MS = 15_000;
const LEAST_PAUSE_MS = 1_000;

/**
 * Server-sent events with the numbers of a campaign as HTML, until nothing moves any more or the reader goes. The session is
 * checked again every 15 s (T19): whoever was logged out sees nothing more.
 */
export async function sendLive(
  site: Site,
  res: Response,
  live: { id: string; secret: string | undefined; language: string; zone: string; signal?: AbortSignal },
): Promise<void> {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  const over = live.signal ? AbortSignal.any([gone.signal, live.signal]) : gone.signal;
  res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
  let checked = performance.now();
  while (!over.aborted) {
    const started = performance.now();
    if (started - checked > CHECK_MS) {
      if (!(await staffOfSession(site.ctx, live.secret))) break;
      checked = started;
    }
    const part = progressPart(await progress(site.ctx, live.id), live.language, live.zone);
    res.write(eventOf('progress', site.renderer.fragment('admin-progress', part)));
    if (!part.isMoving) {
      res.write(eventOf('done', ''));
      break;
    }
    // Counting a large campaign takes a while itself: it gets a tenth of the time.
    const pause = Math.max(LEAST_PAUSE_MS, (performance.now() - started) * 10);
    await setTimeout(pause, undefined, { signal: over }).catch(() => undefined);
  }
  res.end();
}

function eventOf(name: string, data: string): string {
  const lines = data.split(/\r\n?|\n/).map((line) => `data: ${line}\n`);
  return `event: ${name}\n${lines.join('')}\n`;
}

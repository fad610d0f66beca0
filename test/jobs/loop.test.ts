import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { makeBell } from '../../server/bell.js';
import type { Context } from '../../server/context.js';
import { runLoop, type Loop } from '../../server/jobs/loop.js';

/** Longer than a test lasts: who waits so long, waits for ever. */
const LONG_MS = 60_000;

describe('a loop in the background', () => {
  const bell = makeBell();
  let stopping: AbortController;
  let rounds: number;
  let running: Promise<void>;

  const start = (isRushed: boolean, more: Partial<Loop> = {}): void => {
    stopping = new AbortController();
    rounds = 0;
    const ctx = { bell, meter: { isRushed, count: () => undefined } } as unknown as Context;
    const work = async (): Promise<number> => Promise.resolve((rounds += 1));
    running = runLoop(ctx, { name: 'test', idle: 0, gather: 1, rushed: LONG_MS, work, ...more }, stopping.signal);
  };
  const until = async (count: number): Promise<void> => {
    while (rounds < count) await setTimeout(1);
  };

  afterEach(async () => {
    stopping.abort();
    await running;
  });

  it('gathers for a moment only while nobody waits for pages', async () => {
    start(false);

    await until(3);
  });

  it('gathers longer in a rush, and ends that when it is stopped', async () => {
    start(true, { rings: 'checkpoint' });

    await setTimeout(100);

    expect(rounds).to.equal(1);
  });

  it('goes on at once in a rush when somebody waits for what it rings', async () => {
    start(true, { rings: 'checkpoint' });
    await until(1);

    const waiting = bell.wait('checkpoint', LONG_MS, stopping.signal);
    await until(2);

    bell.ring('checkpoint');
    await waiting;
    expect(bell.isAwaited('checkpoint')).to.equal(false);
  });
});

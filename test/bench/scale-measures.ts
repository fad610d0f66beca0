import { setTimeout } from 'node:timers/promises';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { watchProcess } from './child.js';
import { toFigure, type Figure, type Slice } from './figures.js';
import { newsletterHtml, waitFor, type Extent } from './measures.js';
import type { Rig } from './rig.js';
import { seedSubscribers } from './seed.js';

const FEW = 10_000;
/** Of the sender: this much more than with few recipients, and in all, in MB. */
const GROWTH_MB = 30;
const MOST_MB = 200;
const FIRST_MS = 2_000;
const LOOK_MS = 25;

/** A campaign to a few and one to a great many, each by a process that does nothing but send: neither memory nor cost may grow with their number. */
export async function measureScale(rig: Rig, { recipients }: Extent): Promise<Figure[]> {
  await seedSubscribers(rig.ctx, 'news', FEW, 0);
  const few = await sendToAll(rig, FEW);
  await seedSubscribers(rig.ctx, 'news', recipients - FEW, 0, FEW);
  const many = await sendToAll(rig, recipients);
  const cost = ({ cpuMs, count }: Slice): number => cpuMs / count;
  const growth = many.slice.rssMb - few.slice.rssMb;
  const name = `campaign to ${recipients.toLocaleString('en')}`;
  return [
    toFigure(`campaign to ${FEW.toLocaleString('en')}`, [few.slice], null, 'by a process that only sends'),
    {
      ...toFigure(name, [many.slice], null, `${growth} MB more`),
      limit: { words: `+${GROWTH_MB} MB, ${MOST_MB} MB`, reached: growth <= GROWTH_MB && many.slice.rssMb <= MOST_MB },
    },
    {
      ...toFigure(`${name}: cost of a mail`, [many.slice], {
        name: 'a mail to few',
        slices: [few.slice],
        target: null,
      }),
      ratio: Math.round((cost(many.slice) / cost(few.slice)) * 100) / 100,
      limit: { words: '<= 1.2', reached: cost(many.slice) <= cost(few.slice) * 1.2 },
    },
    {
      ...toFigure(`${name}: first mail`, [{ ...many.slice, latencies: [many.firstMs] }], null),
      limit: { words: `< ${FIRST_MS / 1000} s`, reached: many.firstMs < FIRST_MS },
    },
  ];
}

async function sendToAll(rig: Rig, count: number): Promise<{ slice: Slice; firstMs: number }> {
  await rig.sink.call('reset', { collect: false });
  const sender = await rig.startSender();
  try {
    const source = Buffer.from(newsletterHtml());
    const id = await createCampaign(rig.ctx, { list: 'news', fileName: 'may.html', source });
    const { result, rssMb, cpuMs } = await watchProcess(sender.pid, async () => {
      const started = performance.now();
      await releaseCampaign(rig.ctx, id);
      while ((await arrived(rig)) === 0) await setTimeout(LOOK_MS);
      const firstMs = Math.round(performance.now() - started);
      await waitFor(async () => (await arrived(rig)) >= count, 60_000 + count * 5);
      return { firstMs, ms: performance.now() - started };
    });
    return { slice: { count, ms: result.ms, latencies: [], rssMb, cpuMs }, firstMs: result.firstMs };
  } finally {
    await sender.stop();
  }
}

async function arrived(rig: Rig): Promise<number> {
  return ((await rig.sink.call('counts')) as { mails: number }).mails;
}

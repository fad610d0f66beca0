import { boot, type Booted } from '../../../server/boot.js';
import { readConfig } from '../../../server/config.js';
import { fsck } from '../../../server/ledger/fsck.js';
import { integrate } from '../../../server/ledger/integrate.js';
import { inclusionProof } from '../../../server/ledger/prove.js';
import { hashReader, latestCheckpoint } from '../../../server/ledger/store.js';
import { makeLogger } from '../../../server/logger.js';
import { answerCalls } from '../child.js';
import { bareSlice } from '../figures.js';

// The proof log by itself, without the service around it.

const PROVERS = 8;
let booted: Promise<Booted> | null = null;

async function open(): Promise<Booted> {
  const config = readConfig(process.env);
  return (booted ??= boot(config, makeLogger(config.logLevel)));
}

answerCalls({
  open: async () => {
    await open();
  },
  append: async ({ count }: { count: number }) => {
    const { ctx } = await open();
    const latencies: number[] = [];
    let done = 0;
    const started = performance.now();
    while (done < count) {
      const at = performance.now();
      const added = await integrate(ctx);
      if (added === 0) break;
      done += added;
      latencies.push(performance.now() - at);
    }
    return { count: done, ms: performance.now() - started, latencies, rssMb: 0, cpuMs: 0 };
  },
  prove: async ({ ms, provers = PROVERS }: { ms: number; provers?: number }) => {
    const { ctx } = await open();
    const size = (await latestCheckpoint(ctx.db))?.size ?? 0;
    const read = hashReader(ctx.db);
    const latencies: number[] = [];
    const started = performance.now();
    const prove = async (): Promise<void> => {
      while (performance.now() - started < ms) {
        const at = performance.now();
        await inclusionProof(read, Math.floor(Math.random() * size), size);
        latencies.push(performance.now() - at);
      }
    };
    await Promise.all(Array.from({ length: provers }, prove));
    return { count: latencies.length, ms: performance.now() - started, latencies, rssMb: 0, cpuMs: 0 };
  },
  fsck: async () => {
    const { ctx } = await open();
    const started = performance.now();
    const { leaves, records, faults } = await fsck(ctx);
    if (faults.length > 0 || records < leaves)
      throw new Error(`the log is not whole: ${faults[0] ?? 'records are gone'}`);
    return bareSlice(leaves, performance.now() - started);
  },
});

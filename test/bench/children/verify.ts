import { verifyReceipt } from '../../../server/verify/verify.js';
import { answerCalls } from '../child.js';

// The offline verifier on one receipt, again and again.

answerCalls({
  verify: ({ text, vkey, ms }: { text: string; vkey: string; ms: number }) => {
    const latencies: number[] = [];
    const started = performance.now();
    while (performance.now() - started < ms) {
      const at = performance.now();
      const { exitCode } = verifyReceipt(text, { vkeys: [vkey] });
      if (exitCode !== 0) throw new Error(`a receipt did not verify: ${exitCode}`);
      latencies.push(performance.now() - at);
    }
    return { count: latencies.length, ms: performance.now() - started, latencies, rssMb: 0, cpuMs: 0 };
  },
});

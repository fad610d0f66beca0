import { injectFooter, prepareMessage, type EnginePolicy } from '../../../server/mail/footer-engine.js';
import { unsubscribeFields } from '../../../server/mail/list-headers.js';
import { answerCalls } from '../child.js';
import { bareSlice, type Slice } from '../figures.js';
import { footerOf, newsletter } from '../newsletter.js';

// The footer engine alone, on one thread, on the same message for one reader after the other.

const POLICY: EnginePolicy = { signed: 'wrap' };
const raw = await newsletter();

answerCalls({
  bytes: () => raw.length,
  // Each message is read, and leaves for one reader.
  whole: ({ ms }: { ms: number }) => timed(ms, (reader) => injectFooter(prepareMessage(raw, POLICY), personal(reader))),
  // One message is read; then it leaves for reader after reader.
  further: ({ ms }: { ms: number }) => {
    const prepared = prepareMessage(raw, POLICY);
    return timed(ms, (reader) => injectFooter(prepared, personal(reader)));
  },
  sample: () => injectFooter(prepareMessage(raw, POLICY), personal(7)).message.toString('latin1'),
});

function personal(reader: number): Parameters<typeof injectFooter>[1] {
  const footer = footerOf(reader);
  return { footer, headers: unsubscribeFields(footer.unsubscribeUrl), boundary: 'boundary0123456789' };
}

function timed(ms: number, inject: (reader: number) => unknown): Slice {
  const started = performance.now();
  let count = 0;
  for (; performance.now() - started < ms; count += 1) inject(count);
  return bareSlice(count, performance.now() - started);
}

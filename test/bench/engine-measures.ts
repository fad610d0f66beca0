import { simpleParser } from 'mailparser';
import { startChild, type Child } from './child.js';
import { toFigure, type Figure, type Slice } from './figures.js';
import { sliceOf, takeTurns, type Extent } from './measures.js';
import { linksOf } from './newsletter.js';

const BASELINE = 'mailsplit rewriter';

/** The footer engine alone, on a newsletter of 10 kB: read for each reader, and read once for many; against a rewriter that does the same. */
export async function measureEngine({ rounds, sliceMs }: Extent): Promise<Figure[]> {
  const engine = startChild('test/bench/children/engine.js');
  const mailsplit = startChild('test/bench/children/mailsplit-rewriter.js');
  try {
    for (const child of [engine, mailsplit]) await checkSample(child);
    const slice = async (child: Child, what: string): Promise<Slice> => sliceOf(child, what, { ms: sliceMs });
    const further: Slice[] = [];
    const { measured, base } = await takeTurns(
      rounds,
      async () => slice(mailsplit, 'rewrite'),
      async () => {
        further.push(await slice(engine, 'further'));
        return slice(engine, 'whole');
      },
    );
    const size = `${Math.round(((await engine.call('bytes')) as number) / 100) / 10} kB, text and HTML`;
    const against = (target: number) => ({ name: BASELINE, slices: base, target });
    return [
      toFigure('footer engine, whole', measured, against(10), `read for each reader; ${size}`),
      toFigure('footer engine, prepared', further, against(10), 'read once for many readers'),
      toFigure(BASELINE, base, null, 'the baseline itself'),
    ];
  } finally {
    await Promise.all([engine.stop(), mailsplit.stop()]);
  }
}

/** Both do what they are timed for: the links of the reader stand in both texts. */
async function checkSample(child: Child): Promise<void> {
  const message = Buffer.from((await child.call('sample')) as string, 'latin1');
  const { text = '', html } = await simpleParser(message, { skipTextToHtml: true });
  for (const url of Object.values(linksOf(7))) {
    if (!text.includes(`<${url}>`) || typeof html !== 'string' || !html.includes(`href="${url}"`))
      throw new Error('a footer is missing');
  }
}

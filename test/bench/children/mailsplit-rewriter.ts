import { buffer } from 'node:stream/consumers';
import { Joiner, Rewriter, Splitter } from '@zone-eu/mailsplit';
import { answerCalls } from '../child.js';
import { bareSlice, type Slice } from '../figures.js';
import { FOOTER_MARKS, linksOf, markedFooter, newsletter } from '../newsletter.js';

// Baseline (e): the rewriter of @zone-eu/mailsplit, as its manual has it, putting the same footer into the same message.

/** So many are under way at a time: the rewriter waits for timers now and then, and is not to be timed waiting. */
const AHEAD = 50;
const raw = await newsletter();
const footer = markedFooter();

answerCalls({
  rewrite: async ({ ms }: { ms: number }): Promise<Slice> => {
    const started = performance.now();
    let next = 0;
    const lane = async (): Promise<void> => {
      while (performance.now() - started < ms) await rewrite((next += 1));
    };
    await Promise.all(Array.from({ length: AHEAD }, lane));
    return bareSlice(next, performance.now() - started);
  },
  sample: async () => (await rewrite(7)).toString('latin1'),
});

async function rewrite(reader: number): Promise<Buffer> {
  const splitter = new Splitter();
  const rewriter = new Rewriter(({ contentType }) => contentType === 'text/html' || contentType === 'text/plain');
  const joiner = new Joiner();
  splitter.on('data', (part) => {
    if (part.type !== 'node' || !part.root || !part.headers) return;
    part.headers.add('List-Unsubscribe-Post', 'List-Unsubscribe=One-Click', 0);
    part.headers.add('List-Unsubscribe', `<${linksOf(reader).unsubscribeUrl}>`, 0);
  });
  rewriter.on('node', ({ node, decoder, encoder }) => {
    void buffer(decoder).then((content) => {
      const text = content.toString('utf8');
      encoder.end(node.contentType === 'text/html' ? withHtml(text, reader) : text + personal(footer.text, reader));
    });
  });
  splitter.pipe(rewriter).pipe(joiner);
  splitter.end(raw);
  return buffer(joiner);
}

function withHtml(html: string, reader: number): string {
  const at = html.lastIndexOf('</body>');
  return html.slice(0, at) + personal(footer.html, reader) + html.slice(at);
}

function personal(words: string, reader: number): string {
  const { unsubscribeUrl, preferencesUrl } = linksOf(reader);
  return words
    .replaceAll(FOOTER_MARKS.unsubscribeUrl, unsubscribeUrl)
    .replaceAll(FOOTER_MARKS.preferencesUrl, preferencesUrl);
}

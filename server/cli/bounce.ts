import { createReadStream } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { filesBelow } from './files-below.js';

interface Ends {
  readonly say: (text: string) => void;
}

/** Adds `zgoda bounce`, which needs no installation: what a mail that came back says. */
export function addBounceCommand(program: Command, { say }: Ends): void {
  program
    .command('bounce')
    .option('--batch <folder>', 'every file below it, instead of standard input')
    .description('say what a mail that came back means: one line of JSON; in.eml on standard input')
    .action(async ({ batch }: { batch?: string }) => {
      const { classify, LOOKED_AT } = await import('../mail/bounce.js');
      const judge = async (input: AsyncIterable<Buffer>): Promise<object> => {
        const { kind, action, status, reason, recipients } = classify(await readStart(input, LOOKED_AT));
        return { kind, action, status, reason, recipients };
      };
      if (batch === undefined) {
        say(JSON.stringify(await judge(process.stdin)));
        return;
      }
      const folder = resolve(batch);
      for await (const path of filesBelow(folder)) {
        const file = relative(folder, path).split(sep).join('/');
        say(JSON.stringify({ file, ...(await judge(createReadStream(path, { end: LOOKED_AT - 1 }))) }));
      }
    });
}

/** The first bytes of a stream, which is read to its end so that whoever writes to it can finish. */
async function readStart(input: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    if (bytes < most) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, most);
}

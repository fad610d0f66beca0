import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { Refusal } from '../errors.js';
import { filesBelow } from './files-below.js';

interface InjectOptions {
  readonly unsubscribe: string;
  readonly preferences: string;
  readonly policy: 'wrap' | 'headers-only' | 'refuse';
  readonly batch?: string;
  readonly out?: string;
}

interface Ends {
  readonly exit: (code: number) => void;
}

/** What became of a file: a line of results.jsonl. */
interface Result {
  readonly file: string;
  readonly outcome: 'injected' | 'wrapped' | 'headers' | 'refused';
  readonly reason: string | null;
  /** What to look at, though the message is good. */
  readonly warning?: string;
}

/** Adds `zgoda inject`, which needs no installation: the footer engine on files. */
export function addInjectCommand(program: Command, { exit }: Ends): void {
  program
    .command('inject')
    .requiredOption('--unsubscribe <url>', 'where the link to leave leads', readUrl)
    .requiredOption('--preferences <url>', 'where the link to the settings leads', readUrl)
    .addOption(
      new Option('--policy <policy>', 'for mail that is signed or encrypted')
        .choices(['wrap', 'headers-only', 'refuse'])
        .default('wrap'),
    )
    .option('--batch <folder>', 'every file below it, instead of standard input')
    .option('--out <folder>', 'where the results of --batch go, with results.jsonl')
    .description(
      'put the footer and the headers to unsubscribe into a message: in.eml on standard input, out.eml on standard output',
    )
    .action(async (options: InjectOptions, command: Command) => {
      if ((options.batch === undefined) !== (options.out === undefined))
        command.error('error: --batch and --out go together');
      if (options.batch !== undefined && options.out !== undefined)
        await injectAll(options, options.batch, options.out);
      else exit(await injectOne(options));
    });
}

function readUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:\/\/[!#-;=?-~]+$/.test(text)) {
    throw new InvalidArgumentError('It must be a URL with https:// or http://, in ASCII.');
  }
  return text;
}

async function injectOne(options: InjectOptions): Promise<0 | 1> {
  const inject = await makeInject(options);
  const result = await inject(await buffer(process.stdin));
  if ('reason' in result) {
    console.error(result.reason);
    return 1;
  }
  if (result.warning !== null) console.error(`warning: ${result.warning}`);
  await new Promise<void>((done) => process.stdout.write(result.message, () => done()));
  return 0;
}

async function injectAll(options: InjectOptions, from: string, to: string): Promise<void> {
  const [source, target] = [resolve(from), resolve(to)];
  if (target === source || target.startsWith(source + sep)) {
    throw new Refusal('body-invalid', 'The results cannot go into the folder that is read.');
  }
  const inject = await makeInject(options);
  await mkdir(target, { recursive: true });
  const results = await open(join(target, 'results.jsonl'), 'w');
  try {
    for await (const path of filesBelow(source)) {
      const file = relative(source, path).split(sep).join('/');
      const done = await inject(await readFile(path), path);
      if ('message' in done) {
        await mkdir(dirname(join(target, file)), { recursive: true });
        await writeFile(join(target, file), done.message);
      }
      const line: Result =
        'message' in done
          ? { file, outcome: done.outcome, reason: null, ...(done.warning === null ? {} : { warning: done.warning }) }
          : { file, outcome: 'refused', reason: done.reason };
      await results.write(`${JSON.stringify(line)}\n`);
    }
  } finally {
    await results.close();
  }
}

type Injected =
  { message: Buffer; outcome: Exclude<Result['outcome'], 'refused'>; warning: string | null } | { reason: string };
type Inject = (raw: Buffer, path?: string) => Promise<Injected>;

async function makeInject({ unsubscribe, preferences, policy }: InjectOptions): Promise<Inject> {
  const [
    { prepareMessage, injectFooter },
    { documentType, asMessage },
    { unsubscribeFields },
    { compileMjml },
    { whyClipped },
  ] = await Promise.all([
    import('../mail/footer-engine.js'),
    import('../mail/document.js'),
    import('../mail/list-headers.js'),
    import('../campaigns/mjml.js'),
    import('../mail/clipping.js'),
  ]);
  const footer = {
    ...{ why: 'You receive this as a subscriber.', identity: '', noticeLabel: '', noticeUrl: '' },
    ...{ unsubscribeLabel: 'Unsubscribe', settingsLabel: 'E-mail settings', language: 'en', dir: 'ltr' as const },
    ...{ unsubscribeUrl: unsubscribe, preferencesUrl: preferences },
  };
  const headers = unsubscribeFields(unsubscribe);
  return async (raw, path = '') => {
    try {
      const type = documentType(raw, path);
      if (type === 'text/mjml')
        return injectDocument(Buffer.from(await compileMjml(raw.toString('utf8'))), 'text/html');
      if (type !== null) return injectDocument(raw, type);
      const prepared = prepareMessage(raw, { signed: policy, lines: 'keep' });
      const { message, outcome, recipe } = injectFooter(prepared, {
        ...{ footer, headers, boundary: randomBytes(16).toString('hex') },
      });
      return { message, outcome, warning: whyClipped(recipe.longHtml ?? 0) };
    } catch (error) {
      if (error instanceof Refusal) return { reason: error.message.replaceAll('\n', '; ') };
      throw error;
    }
  };

  // A text without a header, such as a template: as the one part of a message, whose header is taken off again.
  function injectDocument(raw: Buffer, type: 'text/html' | 'text/plain'): Injected {
    const { message: given, headBytes } = asMessage(raw, type);
    const prepared = prepareMessage(given, { signed: policy, lines: 'keep' });
    if (prepared.plan.kind !== 'inject') {
      const why = prepared.plan.kind === 'wrap' ? prepared.plan.why : 'it cannot be added to';
      return { reason: `The text is refused: ${why}.` };
    }
    const { message, outcome, recipe } = injectFooter(prepared, { footer, headers: [], boundary: 'x'.repeat(16) });
    return { message: message.subarray(headBytes), outcome, warning: whyClipped(recipe.longHtml ?? 0) };
  }
}

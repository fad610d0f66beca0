import type { Command } from 'commander';
import { readConfig } from '../config.js';
import type { Context } from '../context.js';

interface Tools {
  readonly withContext: (work: (ctx: Context) => Promise<void>) => Promise<void>;
  readonly exit: (code: number) => void;
}

interface Options {
  readonly list: string;
  readonly subject?: string;
  readonly segment?: string;
  readonly language: string[];
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** `zgoda campaign send`. */
export function addCampaignCommand(program: Command, { withContext, exit }: Tools): void {
  program
    .command('campaign')
    .description('mailings')
    .command('send')
    .argument('<file>', 'an .html or .mjml file')
    .requiredOption('--list <slug>', 'who gets it')
    .option('--subject <text>', 'instead of the title of the file')
    .option('--segment <name>', 'only to this segment of the list')
    .option('--language <code>', 'only to people of this language; may come again', collect, [])
    .option('--wait', 'show progress until every mail was tried')
    .option('--json', 'end with one line of JSON')
    .description('send a campaign to a list')
    .action(async (file: string, options: Options) => {
      const [{ campaignSend }, { embeddedConnection }, { runSenderFor }] = await Promise.all([
        import('../campaigns/cli.js'),
        import('../database/embedded.js'),
        import('../jobs/standalone.js'),
      ]);
      const config = readConfig(process.env);
      // On the embedded database without a running service nobody else would send.
      const isAlone = config.databaseUrl === null && (await embeddedConnection(config.dataDir)) === null;
      await withContext(async (ctx) => {
        const { list, subject, segment, language } = options;
        const code = await campaignSend(ctx, {
          ...{ file, list },
          ...(subject === undefined ? {} : { subject }),
          ...(segment === undefined ? {} : { segment }),
          ...(language.length === 0 ? {} : { languages: language }),
          wait: options.wait ?? false,
          json: options.json ?? false,
          out: process.stdout,
          err: process.stderr,
          ...(isAlone ? { runWorker: async () => runSenderFor(ctx) } : {}),
        });
        exit(code);
      });
    });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

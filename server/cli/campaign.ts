import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { Placement } from '../campaigns/placement.js';
import type { Steering } from '../campaigns/steer.js';
import type { Tracking } from '../campaigns/settings.js';
import { readConfig } from '../config.js';
import { addCampaignResults } from './campaign-results.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

interface Tools {
  readonly withContext: (work: (ctx: Context) => Promise<void>) => Promise<void>;
  readonly say: (text: string) => void;
  readonly exit: (code: 0 | 1) => void;
}

interface SendOptions {
  list: string;
  subject?: string;
  acceptTags?: boolean;
  pictures?: Placement;
  previewText?: string;
  segment?: string;
  language: string[];
  at?: string;
  perSecond?: number;
  warmUp?: number;
  tracking?: Tracking;
  wait?: boolean;
  json?: boolean;
}

/** `zgoda campaign send`, `pause`, `resume`, `cancel` and `unschedule`. */
export function addCampaignCommands(program: Command, tools: Tools): void {
  const campaign = program.command('campaign').description('mailings');
  addCampaignResults(campaign.command('results'), { withContext: tools.withContext, end: tools.exit });
  campaign
    .command('send')
    .argument('<file>', 'an .html, .mjml, .hbs, .md, .eml or .zip file')
    .requiredOption('--list <slug>', 'who gets it')
    .option('--subject <text>', 'instead of the title of the file')
    .option('--preview-text <text>', 'what the inbox shows beside the subject, instead of that of the file')
    .option('--accept-tags', 'tags of another mailing system become what we propose; else such a file is refused')
    .addOption(
      new Option(
        '--pictures <where>',
        'of a .zip: in each mail, or fetched from this server; as fits, when nothing is said',
      ).choices(['inlined', 'hosted']),
    )
    .option('--segment <name>', 'only to this segment of the list')
    .option('--language <code>', 'only to people of this language; may come again', collect, [])
    .option('--at <time>', 'when, by the clocks of the organisation: 2026-12-01T09:00')
    .option('--per-second <mails>', 'at most so many mails a second', readCount(10_000))
    .option(
      '--warm-up <mails>',
      'at most so many mails on the first day, and twice as many each day after',
      readCount(10_000_000),
    )
    .option('--tracking <what>', 'off, aggregate (how often links are followed) or agreed', readTracking)
    .option('--wait', 'show progress until every mail was tried')
    .option('--json', 'end with one line of JSON')
    .description('send a campaign to a list')
    .action(async (file: string, options: SendOptions) => send(tools, file, options));
  const steps: [Steering, string][] = [
    ['pause', 'let no more mails of it leave, within a second'],
    ['resume', 'go on with a paused campaign'],
    ['cancel', 'end it for good: who has not got it does not get it'],
  ];
  for (const [step, description] of steps)
    campaign
      .command(step)
      .argument('<id>', 'the campaign')
      .description(description)
      .action(async (id: string) =>
        tools.withContext(async (ctx) => {
          const { steerCampaign } = await import('../campaigns/steer.js');
          const isNew = await steerCampaign(ctx, readId(id), step, null);
          tools.say(isNew ? 'Done.' : 'It is so already.');
        }),
      );
  campaign
    .command('unschedule')
    .argument('<id>', 'the campaign')
    .description('make a draft again of a campaign that waits for its time')
    .action(async (id: string) =>
      tools.withContext(async (ctx) => {
        const { unscheduleCampaign } = await import('../campaigns/unschedule.js');
        await unscheduleCampaign(ctx, readId(id), null);
        tools.say('It is a draft again.');
      }),
    );
}

async function send({ withContext, exit }: Tools, file: string, options: SendOptions): Promise<void> {
  const [{ campaignSend }, { embeddedConnection }, { runSenderFor }] = await Promise.all([
    import('../campaigns/cli.js'),
    import('../database/embedded.js'),
    import('../jobs/standalone.js'),
  ]);
  const config = readConfig(process.env);
  // On the embedded database without a running service nobody else would send.
  const isAlone = config.databaseUrl === null && (await embeddedConnection(config.dataDir)) === null;
  const { list, subject, segment, language, at, perSecond, warmUp, tracking, wait = false, json = false } = options;
  const plan = { ...(perSecond === undefined ? {} : { perSecond }), ...(warmUp === undefined ? {} : { warmUp }) };
  await withContext(async (ctx) => {
    exit(
      await campaignSend(ctx, {
        ...{ file, list, wait, json, out: process.stdout, err: process.stderr },
        ...(subject === undefined ? {} : { subject }),
        acceptsTags: options.acceptTags ?? false,
        ...(options.previewText === undefined ? {} : { preheader: options.previewText }),
        ...(options.pictures === undefined ? {} : { pictures: options.pictures }),
        ...(segment === undefined ? {} : { segment }),
        ...(language.length === 0 ? {} : { languages: language }),
        ...(at === undefined ? {} : { at }),
        ...(Object.keys(plan).length === 0 ? {} : { plan }),
        ...(tracking === undefined ? {} : { tracking }),
        ...(isAlone ? { runWorker: async () => runSenderFor(ctx) } : {}),
      }),
    );
  });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function readCount(most: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,8}$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > most) throw new InvalidArgumentError(`It is a number from 1 to ${most}.`);
    return count;
  };
}

function readTracking(text: string): Tracking {
  const found = (['off', 'aggregate', 'agreed'] as const).find((one) => one === text);
  if (!found) throw new InvalidArgumentError('It is off, aggregate or agreed.');
  return found;
}

function readId(text: string): string {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text))
    throw new Refusal('not-found', 'There is no such campaign.');
  return text;
}

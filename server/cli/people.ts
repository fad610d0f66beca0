import { Option, type Command } from 'commander';
import type { Context } from '../context.js';
import type { SubscribeOptions } from '../staff/cli.js';

/** What commands about people need of the command line. */
interface Tools {
  readonly withContext: (work: (ctx: Context) => Promise<void>) => Promise<void>;
  readonly say: (text: string) => void;
}

/** Adds `zgoda subscribe`. */
export function addPeopleCommands(program: Command, { withContext, say }: Tools): void {
  program
    .command('subscribe')
    .requiredOption('--email <address>', 'who')
    .requiredOption('--list <slug>', 'which list they want')
    .addOption(new Option('--how <how>', 'how it was said').choices(['phone', 'paper']).makeOptionMandatory())
    .requiredOption('--at <when>', 'when: 2026-11-03T14:05 in the zone of the organisation, or for paper only the day')
    .option('--note <text>', 'who spoke with whom, and what was said')
    .option('--scan <file>', 'PDF, PNG or JPEG of the paper, at most 5 MB')
    .option('--language <code>', 'of the text that was agreed to, and of the mail (default: of the list)')
    .option('--by <address>', 'the staff member who notes it')
    .option('--json', 'as JSON')
    .description('note a sign-up by phone or on paper, with a note or a scan; the mail to confirm decides')
    .action(async (options: SubscribeOptions & { json?: boolean }) =>
      withContext(async (ctx) => {
        const { subscribeByHand } = await import('../staff/cli.js');
        const id = await subscribeByHand(ctx, options);
        say(
          options.json
            ? JSON.stringify({ signUp: id })
            : `Noted (${id}). The service mails the link to confirm; only the press of its button makes a consent.`,
        );
      }),
    );
}

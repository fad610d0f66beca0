import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Context } from '../context.js';
import type { Author } from '../gateway/add-credential.js';

/** What these commands need of the command line. */
interface Tools {
  readonly withContext: (work: (ctx: Context) => Promise<void>) => Promise<void>;
  readonly say: (text: string) => void;
}

interface AddOptions {
  readonly list: string[];
  readonly default?: string;
  readonly organisation?: string;
  readonly transactional?: boolean;
  readonly cap?: number;
  readonly policy?: 'refuse' | 'skip';
  readonly name?: string;
  readonly json?: boolean;
}

const OPERATOR: Author = { who: 'operator', isOwner: true };

/** Adds `zgoda credential`. */
export function addCredentialCommands(program: Command, { withContext, say }: Tools): void {
  const credential = program.command('credential').description('with what other systems hand mail in at the gateway');
  credential
    .command('add')
    .option('--list <slug>', 'a list that it may send to; may come again', collect, [])
    .option('--default <slug>', 'the list of a mail that names none (default: the only one)')
    .option('--transactional', 'for mail that belongs to no list: receipts, tickets; capped')
    .option('--organisation <slug>', 'for transactional mail, where there are several')
    .option('--cap <number>', 'recipients a day (transactional: 1000)', readNumber)
    .addOption(
      new Option(
        '--policy <policy>',
        'recipients who may not be mailed: refuse at RCPT, or take the mail and skip them',
      )
        .choices(['refuse', 'skip'])
        .default('refuse'),
    )
    .option('--name <text>', 'what you call it')
    .option('--json', 'as JSON')
    .description('make a credential; prints the user and, once, the password')
    .action(async (options: AddOptions) =>
      withContext(async (ctx) => {
        const { addCredential } = await import('../gateway/add-credential.js');
        const made = await addCredential(ctx, { ...wantedOf(options), by: OPERATOR });
        const { userName: user, password } = made;
        say(options.json ? JSON.stringify({ user, password }) : `User: ${user}\nPassword: ${password}`);
      }),
    );
  credential
    .command('list')
    .option('--json', 'as JSON')
    .description('show all credentials; their passwords are kept nowhere')
    .action(async ({ json }: { json?: boolean }) =>
      withContext(async (ctx) => {
        const { describeCredentials } = await import('../gateway/describe-credentials.js');
        const all = await describeCredentials(ctx);
        const lines = all.map((one) =>
          [one.user, one.what, one.state, one.name].filter((word) => word !== '').join('  '),
        );
        say(json ? JSON.stringify(all) : lines.join('\n') || 'There are none.');
      }),
    );
  credential
    .command('revoke')
    .argument('<user>', 'the user name')
    .option('--json', 'as JSON')
    .description('take a credential back, at once and for good')
    .action(async (userName: string, { json }: { json?: boolean }) =>
      withContext(async (ctx) => {
        const { revokeCredential } = await import('../gateway/revoke-credential.js');
        const { revokedAt } = await revokeCredential(ctx, { userName, by: OPERATOR });
        say(json ? JSON.stringify({ user: userName, revokedAt }) : `${userName} is revoked.`);
      }),
    );
}

function wantedOf(options: AddOptions) {
  return {
    lists: options.list,
    ...(options.default === undefined ? {} : { defaultList: options.default }),
    ...(options.organisation === undefined ? {} : { organisation: options.organisation }),
    ...(options.cap === undefined ? {} : { dailyCap: options.cap }),
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(options.name === undefined ? {} : { name: options.name }),
    isTransactional: options.transactional ?? false,
  };
}

function readNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a number.');
  return Number(text);
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

import { spawn } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRspamd, readSpamAssassin, type SpamScore } from './lint-spam.js';

/** `none`: no filter is installed here; `failed`: it gave no answer. */
export type SpamAnswer = SpamScore | 'none' | 'failed';

const TIME_LIMIT_MS = 30_000;
const MAX_OUTPUT = 1_000_000;
/** Where Debian puts them; never a folder that somebody else can write to. */
const FOLDERS = ['/usr/bin', '/usr/local/bin'];

/** Only one at a time: a filter takes seconds of a whole core. */
let waiting: Promise<unknown> = Promise.resolve();

/**
 * Asks the spam filter of this machine, Rspamd or else SpamAssassin, about a mail. It runs beside the service with an empty environment, bounded time and a folder
 * that goes with it; SpamAssassin asks nobody on the network. Nothing of the mail is kept.
 */
export async function spamScore(mail: Buffer): Promise<SpamAnswer> {
  const answer = waiting.then(async () => ask(mail));
  waiting = answer.catch(() => undefined);
  return answer;
}

async function ask(mail: Buffer): Promise<SpamAnswer> {
  const [rspamc, spamassassin] = await Promise.all([find('rspamc'), find('spamassassin')]);
  const score =
    (rspamc ? readRspamd(await run(rspamc, ['--json', '--timeout=10', 'symbols'], mail)) : null) ??
    (spamassassin ? readSpamAssassin(await run(spamassassin, LOCAL, mail)) : null);
  return score ?? (rspamc || spamassassin ? 'failed' : 'none');
}

/** Tests of its own only, nothing learnt, nothing written. */
const LOCAL = [
  ...['--local', '--test-mode', '--nocreate-prefs', '--prefspath=/dev/null'],
  ...['--cf=use_bayes 0', '--cf=bayes_auto_learn 0', '--cf=use_learner 0'],
];

async function find(program: string): Promise<string | null> {
  for (const folder of FOLDERS) {
    const path = join(folder, program);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return null;
}

/** What a program prints about a mail; '' when it fails, prints too much or takes too long. */
async function run(program: string, args: readonly string[], mail: Buffer): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'zgoda-spam-'));
  try {
    const env = { PATH: '/usr/bin:/bin', HOME: home, LANG: 'C', LC_ALL: 'C' };
    const child = spawn(program, args, { cwd: home, env, stdio: ['pipe', 'pipe', 'ignore'], timeout: TIME_LIMIT_MS });
    return await new Promise<string>((resolve) => {
      const chunks: Buffer[] = [];
      let size = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_OUTPUT + mail.length) child.kill('SIGKILL');
        else chunks.push(chunk);
      });
      child.on('error', () => resolve(''));
      child.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
      child.stdin.on('error', () => undefined);
      child.stdin.end(mail);
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

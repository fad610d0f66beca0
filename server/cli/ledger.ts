import type { Command } from 'commander';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import type { FsckReport } from '../ledger/fsck.js';

/** What a command runs on, what it says, and the exit code that it ends with. */
export interface CommandEnds {
  readonly withContext: (work: (ctx: Context) => Promise<void>) => Promise<void>;
  readonly say: (text: string) => void;
  readonly exit: (code: number) => void;
}

/** The commands of the proof log. */
export function addLedgerCommands(program: Command, { withContext, say, exit }: CommandEnds): void {
  const ledger = program.command('ledger').description('the proof log');
  ledger
    .command('fsck')
    .option('--json', 'as JSON')
    .description('re-hash every record, rebuild the tree, compare every tile and every signed head')
    .action(async (options: { json?: boolean }) =>
      withContext(async (ctx) => {
        const { fsck } = await import('../ledger/fsck.js');
        const { isTTY } = process.stderr;
        const report = await fsck(ctx, isTTY ? (leaves) => process.stderr.write(`\r${leaves} leaves`) : undefined);
        if (isTTY) process.stderr.write('\r');
        say(options.json ? JSON.stringify(report) : inWords(report));
        exit(report.faults.length > 0 ? 1 : 0);
      }),
    );
  ledger
    .command('export')
    .argument('<folder>', 'where to; one that holds an earlier export is brought up to date')
    .option('--json', 'as JSON')
    .description('write the log as tlog-tiles into a folder, from which anybody can check or serve it')
    .action(async (folder: string, options: { json?: boolean }) =>
      withContext(async (ctx) => {
        const { exportLog } = await import('../ledger/export.js');
        const done = await exportLog(ctx, folder);
        say(options.json ? JSON.stringify(done) : `${done.leaves} leaves of ${done.origin}, ${done.files} new tiles`);
      }),
    );
  ledger
    .command('continue')
    .option('--under-a-new-origin', 'yes: the old name is given up for good')
    .option('--json', 'as JSON')
    .description('go on after a restored backup, when the log refuses to sign; gives it a new name')
    .action(async (options: { underANewOrigin?: boolean; json?: boolean }) => {
      if (!options.underANewOrigin) {
        throw new Refusal(
          'log-refuses',
          'The log goes on under a new name only, which cannot be undone. Read "After restoring a backup" in the README, then add --under-a-new-origin.',
        );
      }
      await withContext(async (ctx) => {
        const { continueLog } = await import('../ledger/continue.js');
        const { origin, vkey, size, oldSize } = await continueLog(ctx);
        const words = `The log goes on as ${origin} from ${size} leaves; the tree of ${oldSize} under its old name stays valid as it was. Restart every process, and publish the key:\n${vkey}`;
        say(options.json ? JSON.stringify({ origin, vkey, size, oldSize }) : words);
      });
    });
}

function inWords(report: FsckReport): string {
  const summary = `${report.leaves} leaves, ${report.records} records match, ${report.erased} erased, ${report.faults.length} faults`;
  return [summary, ...report.faults].join('\n');
}

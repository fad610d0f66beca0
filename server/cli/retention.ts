import type { Command } from 'commander';
import type { Context } from '../context.js';
import type * as Retention from '../rights/retention.js';

/** The command of retention: what a service does by itself, by hand. */
export function addRetentionCommand(
  program: Command,
  {
    withContext,
    say,
  }: { withContext: (work: (ctx: Context) => Promise<void>) => Promise<void>; say: (text: string) => void },
): void {
  program
    .command('retention')
    .option('--dry-run', 'only count what is due')
    .option('--json', 'as JSON')
    .description(
      'destroy what is due by its period: unconfirmed sign-ups, and proof that was kept of people who were erased',
    )
    .action(async (options: { dryRun?: boolean; json?: boolean }) =>
      withContext(async (ctx) => {
        const retention = await import('../rights/retention.js');
        const due = options.dryRun ? await retention.countDue(ctx) : await destroyDue(ctx, retention);
        const verb = options.dryRun ? 'due' : 'destroyed';
        const words = `${due.unconfirmed} sign-ups that nobody confirmed, ${due.proofs} proofs whose time is over: ${verb}`;
        say(options.json ? JSON.stringify({ ...due, dryRun: options.dryRun ?? false }) : words);
      }),
    );
}

async function destroyDue(
  ctx: Context,
  { purgeUnconfirmed, destroyOldProofs }: typeof Retention,
): Promise<{ unconfirmed: number; proofs: number }> {
  return { unconfirmed: await repeat(ctx, purgeUnconfirmed), proofs: await repeat(ctx, destroyOldProofs) };
}

/** A page at a time, until there is none. */
async function repeat(ctx: Context, work: (ctx: Context) => Promise<number>): Promise<number> {
  let all = 0;
  for (let done = await work(ctx); done > 0; done = await work(ctx)) all += done;
  return all;
}

import type { Command } from 'commander';
import type { Context } from '../context.js';

/** What `zgoda campaign results` takes and does. */
export function addCampaignResults(
  results: Command,
  {
    withContext,
    end,
  }: { withContext: (work: (ctx: Context) => Promise<void>) => Promise<void>; end: (code: 0 | 1) => void },
): void {
  results
    .argument('<id>', 'of the campaign')
    .option('--csv', 'a line for each person')
    .option('--json', 'a line of JSON for each person')
    .option('--addresses', 'whole addresses instead of masked ones')
    .description('what became of a campaign: how many of each outcome, or person by person')
    .action(async (id: string, options: { csv?: boolean; json?: boolean; addresses?: boolean }) => {
      const { campaignResults } = await import('../campaigns/results-cli.js');
      const format = options.csv ? 'csv' : options.json ? 'json' : 'sum';
      await withContext(async (ctx) => {
        const { stdout: out, stderr: err } = process;
        end(await campaignResults(ctx, { id, format, addresses: options.addresses ?? false, out, err }));
      });
    });
}

import { isIP } from 'node:net';
import { InvalidArgumentError, type Command } from 'commander';
import type { CommandEnds } from './ledger.js';
import { resolverAddress, resolverOption } from './resolver.js';

interface Options {
  readonly json?: boolean;
  readonly keysAreBackedUp?: boolean;
  readonly resolver?: string;
  readonly sendingIp?: string[];
}

/** Adds `zgoda doctor`. */
export function addDoctorCommand(program: Command, { withContext, say, exit }: CommandEnds): void {
  program
    .command('doctor')
    .option('--json', 'as JSON')
    .option('--keys-are-backed-up', 'note that an offline copy of the keys file exists')
    .addOption(resolverOption())
    .option('--sending-ip <address>', 'from which mail leaves to the world; may come again', collectIp)
    .description('check this installation, and print and check the DNS records it needs')
    .action(async (options: Options) =>
      withContext(async (ctx) => {
        const { doctor } = await import('../jobs/doctor.js');
        const report = await doctor(ctx, {
          isBackedUp: options.keysAreBackedUp ?? false,
          resolver: await resolverAddress(options.resolver),
          sendingIps: options.sendingIp ?? [],
        });
        say(options.json ? JSON.stringify(report) : report.text);
        exit(report.healthy ? 0 : 1);
      }),
    );
}

function collectIp(value: string, before: string[] | undefined): string[] {
  if (isIP(value) === 0) throw new InvalidArgumentError('It must be an IP address.');
  return [...(before ?? []), value];
}

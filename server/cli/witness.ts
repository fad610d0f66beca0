import { InvalidArgumentError, type Command } from 'commander';
import type { WitnessOptions } from '../witness/cli.js';

/** Adds `zgoda witness`, which needs nothing of the service and nothing of its settings. */
export function addWitnessCommand(program: Command): void {
  program
    .command('witness')
    .requiredOption('--name <name>', 'what it is called, such as council.example.org/witness; stays for ever')
    .requiredOption('--log <vkey>', 'a log to follow, by its verifier key; may be given several times', collect)
    .option('--dir <folder>', 'where it keeps its key and what it signed last', './witness')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on', readPort, 2527)
    .description('watch logs as an independent party: cosign each head that goes on from the last one')
    .action(async (options: WitnessOptions) => {
      const { runWitness } = await import('../witness/cli.js');
      await runWitness(options, (line) => void process.stdout.write(`${line}\n`));
    });
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('It must be a port number.');
  return Number(text);
}

import { CommanderError, type Command } from 'commander';
import { Refusal } from '../errors.js';

/** sysexits.h: the command was used wrongly. */
const USAGE = 64;

/**
 * Runs one command line of `program`: 0 when it ran, 1 with the reason on standard error when it was refused, 64 with one line that says what is
 * wrong with it and where help is. A bug flies.
 */
export async function runCli(program: Command, argv: readonly string[]): Promise<0 | 1 | 64> {
  for (const command of withAllBelow(program)) sayInOneLine(command);
  // Whoever reads us may have seen enough (`| head -1`): no reason to complain, nor to end half-way.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreHangUp);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    if (!(error instanceof Refusal) && !isOfSystem(error)) throw error;
    console.error(error.message);
    return 1;
  }
}

function withAllBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withAllBelow)];
}

// Instead of the whole help, in which the mistake would be lost.
function sayInOneLine(command: Command): void {
  command.configureOutput({ writeErr: () => undefined });
  command.exitOverride((error) => {
    if (error.exitCode !== 0) console.error(describe(command, error));
    throw error;
  });
}

function describe(command: Command, { code, message }: CommanderError): string {
  const name = nameOf(command);
  if (code === 'commander.help') {
    const known = command.commands.map((one) => one.name()).join(', ');
    return `${name} needs one of: ${known}. "${name} --help" says more.`;
  }
  const words = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.?$/, '.');
  return `${name}: ${words} "${name} --help" says more.`;
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

function ignoreHangUp(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** A file that is not there, a full disk: worth a sentence, not a stack. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

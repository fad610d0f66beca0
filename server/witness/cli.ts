import { resolve } from 'node:path';
import { Refusal } from '../errors.js';
import { Malformed } from '../ledger/malformed.js';
import { ED25519, parseVkey, type VerifierKey } from '../ledger/note.js';
import type { Witness } from './answer.js';
import { openIdentity } from './identity.js';
import { listen } from './listen.js';

/** What `zgoda witness` is told. */
export interface WitnessOptions {
  readonly name: string;
  /** Verifier keys of the logs to follow. */
  readonly log: readonly string[];
  readonly dir: string;
  readonly host: string;
  readonly port: number;
}

/** Runs a witness until it is told to stop. It needs no database, no keys file and no settings of the service. */
export async function runWitness(options: WitnessOptions, print: (line: string) => void): Promise<void> {
  const dir = resolve(options.dir);
  const identity = await openIdentity(dir, options.name);
  const witness: Witness = {
    identity,
    dir,
    logs: options.log.map(readLogKey),
    now: () => new Date(),
    onFork: (origin, file) =>
      print(`FORK: ${origin} signed two histories of one size. The proof is in ${file ?? 'earlier files'}: keep it.`),
  };
  const listening = await listen(witness, options, (error) =>
    print(`signed nothing: ${error instanceof Error ? error.message : String(error)}`),
  );
  print(`Witness ${identity.name} listens at ${listening.url}`);
  for (const log of witness.logs) print(`  follows: ${log.name}`);
  print(`  memory:  ${dir} (lost, it must not be used again: start a new witness under a new name)`);
  print(`  vkey:    ${identity.vkey}`);
  print('For the policy file of whoever runs the log (WITNESS_POLICY):');
  print(`witness ${identity.name} ${identity.vkey} ${listening.url}`);
  await told();
  await listening.stop();
}

function readLogKey(vkey: string): VerifierKey {
  try {
    const key = parseVkey(vkey);
    if (key.type === ED25519) return key;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  throw new Refusal('config-invalid', `"${vkey}" is no verifier key of a log: it stands at /log/vkey of the service.`);
}

async function told(): Promise<void> {
  return new Promise((stop) => {
    process.once('SIGTERM', () => stop());
    process.once('SIGINT', () => stop());
  });
}

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOUNDARY } from './footers.js';

/** What programs that are not ours make of mail that they sealed: S/MIME by openssl, PGP/MIME by gpg. Keys live as long as the test. */
export interface Sealer {
  /** Runs the program; what it writes. Throws when it says no. */
  run(args: readonly string[], input: Buffer): Buffer;
  /** A file in the sealer's folder. */
  path(name: string): string;
  close(): void;
}

function has(program: string): boolean {
  const isHere = spawnSync(program, ['--version']).error === undefined;
  if (!isHere && process.env['CI']) throw new Error(`no ${program}: CI needs it`);
  if (!isHere) console.warn(`      skipped, no ${program}`);
  return isHere;
}

/** openssl with a certificate of its own for Ada, `cert.pem` and `key.pem`. null: it is not installed. */
export function openSmime(): Sealer | null {
  if (!has('openssl')) return null;
  const sealer = openFolder('openssl', []);
  const files = ['-keyout', sealer.path('key.pem'), '-out', sealer.path('cert.pem')];
  const names = ['-subj', '/CN=Ada', '-addext', 'subjectAltName=email:ada@example.org'];
  const use = ['-addext', 'extendedKeyUsage=emailProtection', '-addext', 'keyUsage=digitalSignature,keyEncipherment'];
  sealer.run(['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '9', ...files, ...names, ...use], NOTHING);
  return sealer;
}

/** gpg with a home of its own, and a key for Ada. null: it is not installed. */
export function openPgp(): Sealer | null {
  if (!has('gpg')) return null;
  const folder = mkdtempSync(join(tmpdir(), 'zgoda-gpg-'));
  const sealer = openFolder('gpg', ['--batch', '--homedir', folder], folder);
  sealer.run(
    ['--passphrase', '', '--quick-generate-key', 'ada@example.org', 'future-default', 'default', '0'],
    NOTHING,
  );
  return {
    ...sealer,
    close: () => {
      // It leaves a process behind that holds the keys.
      spawnSync('gpgconf', ['--homedir', folder, '--kill', 'all']);
      sealer.close();
    },
  };
}

const NOTHING = Buffer.alloc(0);

function openFolder(program: string, first: readonly string[], given?: string): Sealer {
  const folder = given ?? mkdtempSync(join(tmpdir(), 'zgoda-seal-'));
  return {
    run: (args, input) => {
      const { status, stdout, stderr } = spawnSync(program, [...first, ...args], { input, maxBuffer: 1 << 24 });
      if (status !== 0) throw new Error(`${program} says no: ${stderr.toString().trim()}`);
      return stdout;
    },
    path: (name) => join(folder, name),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Writes a file into the sealer's folder, for a program that wants to read two; where it lies. */
export function laid(sealer: Sealer, name: string, bytes: Buffer): string {
  writeFileSync(sealer.path(name), bytes);
  return sealer.path(name);
}

/** The first part of a message that was wrapped with our boundary, header and body, found without our parser. */
export function innerOf(wrapped: Buffer): Buffer {
  const open = wrapped.indexOf(`\n--${BOUNDARY}`);
  const eol = wrapped[open - 1] === 0x0d ? '\r\n' : '\n';
  const from = open + `\n--${BOUNDARY}`.length + eol.length;
  return wrapped.subarray(from, wrapped.indexOf(`${eol}--${BOUNDARY}`, from));
}

/** The part of a multipart at this place, header and body; `boundary` is its own. */
export function partOf(multipart: Buffer, boundary: string, place: number): Buffer {
  const pieces = multipart.toString('latin1').split(`\r\n--${boundary}`);
  return Buffer.from((pieces[place + 1] ?? '').replace(/^\r\n/, ''), 'latin1');
}

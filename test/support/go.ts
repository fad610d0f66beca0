import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../server/config.js';

const GO = process.env['GO_PATH'] ?? '/usr/bin/go';
/** Where Debian's golang-golang-x-mod-dev puts its sources. */
const SOURCES = '/usr/share/gocode';

/** Are Go and its packages for transparency logs here? In CI that they are not is a mistake, and throws. */
export function hasGo(): boolean {
  if (existsSync(GO) && existsSync(join(SOURCES, 'src/golang.org/x/mod/sumdb/tlog'))) return true;
  if (process.env['CI']) throw new Error('no Go, or not its packages: install golang-go and golang-golang-x-mod-dev');
  return false;
}

/** Builds a program of one Go file of this repository, without a network. */
export async function buildGo(source: string, program: string): Promise<void> {
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: SOURCES, GOFLAGS: '', GOPROXY: 'off' };
  await promisify(execFile)(GO, ['build', '-o', program, join(ROOT, source)], { env });
}

/** Runs a program: what it says, and with which code it ends. */
export async function runProgram(program: string, args: readonly string[]): Promise<{ code: number; words: string }> {
  return promisify(execFile)(program, [...args]).then(
    ({ stdout }) => ({ code: 0, words: stdout.trim() }),
    (error: unknown) => {
      const { code, stderr } = error as { code: number; stderr: string };
      return { code, words: stderr.trim() };
    },
  );
}

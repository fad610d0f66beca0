import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../config.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

/** Runs a command on this installation, beside the running service or without it. */
export async function withContext(work: (ctx: Context) => Promise<void>): Promise<void> {
  const config = readConfig(process.env);
  const [{ boot }, { makeLogger }] = await Promise.all([import('../boot.js'), import('../logger.js')]);
  // Only what goes wrong, and elsewhere: standard output belongs to the answer.
  const booted = await boot(config, makeLogger(config.logLevel === 'info' ? 'warn' : config.logLevel, process.stderr), {
    mayShare: true,
  });
  try {
    await work(booted.ctx);
  } finally {
    await booted.close();
  }
}

/** The log keys that this installation trusts (T3), and the certificates of time-stamp authorities (PEM) that somebody put beside them. */
export async function trusted(): Promise<{ vkeys: string[]; anchorCerts: string[] }> {
  const folder = join(
    readConfig({ ...process.env, NODE_ENV: 'development', DATABASE_URL: '', ROLE: '' }).dataDir,
    'trust',
  );
  const files = await readdir(folder).catch(() => []);
  const read = async (ending: string): Promise<string[]> =>
    Promise.all(
      files
        .filter((file) => file.endsWith(ending))
        .map(async (file) => (await readFile(join(folder, file), 'utf8')).trim()),
    );
  return { vkeys: await read('.vkey'), anchorCerts: await read('.pem') };
}

/** A text file named on the command line. Throws `body-invalid`. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Refusal('body-invalid', `The file ${file} cannot be read.`, {}, { cause: error });
  }
}

/** Throws `body-invalid`. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (error) {
    throw new Refusal(
      'body-invalid',
      `${file} could not be read as JSON: ${error instanceof Error ? error.message : 'unknown reason'}`,
      {},
      { cause: error },
    );
  }
}

import { open } from 'node:fs/promises';
import { catalogue, listBySlug, wordingOf, languagesOf } from '../consent/catalogue.js';
import { enterSignUp } from '../consent/enter.js';
import { readSaidAt } from '../consent/said-at.js';
import { MAX_SCAN_BYTES, readScan, type Scan } from '../consent/scan.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { parseAddress } from '../mail/address.js';
import { staffByAddress } from './staff.js';

/** `zgoda subscribe`. */
export interface SubscribeOptions {
  readonly email: string;
  /** The list's slug. */
  readonly list: string;
  readonly how: 'phone' | 'paper';
  /** A day, or day and time; see `readSaidAt`. */
  readonly at: string;
  readonly note?: string;
  /** Path of a file. */
  readonly scan?: string;
  /** Absent: the list's own. */
  readonly language?: string;
  /** Address of the staff member who enters it. */
  readonly by?: string;
}

/** Notes a sign-up that came by phone or on paper; returns the sign-up's id. Throws a Refusal with a sentence for whoever typed the command. */
export async function subscribeByHand(ctx: Context, options: SubscribeOptions): Promise<string> {
  const list = await knownList(ctx, options.list);
  const language = options.language ?? list.defaultLanguage;
  if (!languagesOf(list).includes(language))
    throw new Refusal('body-invalid', `The list ${list.slug} speaks ${languagesOf(list).join(', ')}.`);
  return enterSignUp(ctx, {
    ...{ list, wording: wordingOf(list, language), how: options.how, note: options.note ?? '' },
    address: parseAddress(options.email),
    said: readSaidAt(options.at, list.organisation.timeZone, ctx.now()),
    scan: options.scan === undefined ? null : await scanAt(options.scan),
    by: options.by === undefined ? 'operator' : `staff:${await staffIdOf(ctx, options.by)}`,
  });
}

async function knownList(ctx: Context, slug: string): ReturnType<typeof listBySlug> {
  const known = (await catalogue(ctx)).lists.map((list) => list.slug);
  if (known.includes(slug)) return listBySlug(ctx, slug);
  throw new Refusal('list-unknown', `There is no such list: ${slug}. There is ${known.join(', ') || 'none yet'}.`);
}

async function staffIdOf(ctx: Context, email: string): Promise<string> {
  const staff = await staffByAddress(ctx, parseAddress(email).normal);
  if (!staff) throw new Refusal('not-found', 'Nobody has a login with the address in --by.');
  if (staff.role === 'viewer') throw new Refusal('not-allowed', 'The login in --by may look, not note sign-ups.');
  return staff.id;
}

/** Size first: whatever lies there is not read whole. */
async function scanAt(path: string): Promise<Scan> {
  const file = await open(path).catch((error: unknown) => {
    throw new Refusal('not-found', `The file ${path} cannot be read.`, {}, { cause: error });
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new Refusal('not-found', `${path} is not a file.`);
    if (stat.size > MAX_SCAN_BYTES) throw new Refusal('body-too-large', 'The scan is larger than 5 MB.');
    return readScan(await file.readFile());
  } finally {
    await file.close();
  }
}

import { existsSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Context } from '../context.js';
import { REFUSAL_HOURS, recentRefusals } from '../delivery/refusals.js';
import { readRound } from '../ledger/fsck-round.js';
import { standingOf } from '../ledger/standing.js';
import { quoteText } from '../mail/dns-verdicts.js';
import { attestorFindings } from './doctor-attestors.js';
import { BAD, dnsFindings, type DnsFinding, type DnsQuestions } from './doctor-dns.js';
import { senderFinding } from './doctor-sender.js';
import { signatureFindings } from './doctor-signature.js';

export interface DoctorReport {
  readonly healthy: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly words: string }[];
  readonly dns: readonly DnsFinding[];
  readonly text: string;
}

const OLD_KEY_DAYS = 400;

/**
 * Looks at keys, database, log, signatures and way out, and at the DNS records that each organisation needs. `isBackedUp` notes that an offline copy of the keys
 * exists (T5).
 */
export async function doctor(
  ctx: Context,
  { isBackedUp = false, resolver = null, sendingIps = [] }: Partial<DnsQuestions> & { isBackedUp?: boolean } = {},
): Promise<DoctorReport> {
  const note = `${ctx.config.keysFile}.backed-up`;
  if (isBackedUp) await writeFile(note, `${ctx.now().toISOString()}\n`);
  const checks = [
    ...(await keyChecks(ctx, note)),
    ...(await databaseChecks(ctx)),
    ...(await attestorFindings(ctx)),
    ...(await logChecks(ctx)),
    ...(await signatureFindings(ctx)),
    await senderFinding(ctx),
    await refusalCheck(ctx),
  ];
  const dns = await dnsFindings(ctx, { resolver, sendingIps });
  return {
    healthy: checks.every((check) => check.ok) && !dns.some(({ verdict }) => BAD.includes(verdict)),
    checks,
    dns,
    text: [
      ...checks.map(({ ok, name, words }) => `${ok ? 'ok  ' : 'FAIL'}  ${name}: ${words}`),
      '',
      'DNS records to publish:',
      ...dns.map(inWords),
    ].join('\n'),
  };
}

function inWords({ name, type, text, verdict, words }: DnsFinding): string {
  const mark = BAD.includes(verdict) ? verdict.toUpperCase() : verdict;
  return `  ${mark.padEnd(9)}  ${name}  ${type}  ${type === 'TXT' ? quoteText(text) : text}\n             ${words}`;
}

type Check = DoctorReport['checks'][number];

async function keyChecks(ctx: Context, note: string): Promise<Check[]> {
  const { keysFile, dataDir } = ctx.config;
  const { mode } = await stat(keysFile);
  const isOutside = relative(dataDir, keysFile).startsWith('..');
  const madeAt = new Date(ctx.keyring.madeAt.get(ctx.keyring.current) ?? 0);
  const days = Math.floor((ctx.now().getTime() - madeAt.getTime()) / 86_400_000);
  return [
    check(
      'keys: place',
      isOutside,
      'outside DATA_DIR',
      'the file lies in DATA_DIR, so that a backup of the data holds its keys: move it',
    ),
    check(
      'keys: readers',
      (mode & 0o077) === 0,
      'only this user reads the file',
      `others can read ${keysFile}: chmod 600`,
    ),
    check(
      'keys: copy',
      existsSync(note),
      'an offline copy was noted',
      'no offline copy noted: make one, then run "zgoda doctor --keys-are-backed-up"',
    ),
    check('keys: age', days < OLD_KEY_DAYS, `${days} days`, `${days} days: run "zgoda keys rotate"`),
  ];
}

async function databaseChecks(ctx: Context): Promise<Check[]> {
  const durable = await Promise.all(
    ['fsync', 'full_page_writes', 'synchronous_commit'].map(
      async (name) => [name, await settingOf(ctx, name)] as const,
    ),
  );
  const off = durable.filter(([, value]) => value === 'off').map(([name]) => name);
  return [
    check(
      'database: kind',
      !ctx.db.isEmbedded || !ctx.config.production,
      ctx.db.isEmbedded ? 'embedded: for trying out' : 'PostgreSQL',
      'embedded in production: set DATABASE_URL',
    ),
    check(
      'database: durable',
      off.length === 0 || ctx.db.isEmbedded,
      'commits are written through',
      `${off.join(', ')} off: what was answered can be lost`,
    ),
  ];
}

async function logChecks(ctx: Context): Promise<Check[]> {
  const [queue] = await ctx.db.query<{ n: number }>('select count(*)::int as n from log_queue');
  const { last, fault } = await standingOf(ctx, ctx.db);
  const round = await readRound(ctx.db, ctx.keyring);
  const wrong = [...new Set([...(round?.faults ?? []), ...(round?.last?.faults ?? [])])];
  return [
    check(
      'log: queue',
      (queue?.n ?? 0) < 10_000,
      `${queue?.n ?? 0} events wait for their leaf`,
      `${queue?.n ?? 0} events wait for their leaf: is a worker running?`,
    ),
    check(
      'log: check',
      wrong.length === 0,
      round?.last
        ? `the last round found nothing wrong in ${round.last.leaves} leaves`
        : 'the first round is not through',
      `${wrong.length} faults, such as: ${wrong[0] ?? ''}. Run "zgoda ledger fsck"`,
    ),
    check('log: history', fault === null, `one history, ${last?.size ?? 0} leaves`, fault?.words ?? ''),
  ];
}

async function settingOf(ctx: Context, name: string): Promise<string> {
  const [row] = await ctx.db.query<{ value: string }>('select current_setting($1) as value', [name]);
  return row?.value ?? '';
}

// Our own fault (M-37): it stops mail to people who have done nothing.
async function refusalCheck(ctx: Context): Promise<Check> {
  const { reasons, isOpen } = await recentRefusals(ctx.db, ctx.now());
  const count = reasons.reduce((sum, { n }) => sum + n, 0);
  const words = reasons.map(({ reason, n }) => `${reason} ${n}`).join(', ');
  const refused = `servers refused ${count} mails within ${REFUSAL_HOURS} hours, which is not for the recipients to answer: ${words}`;
  return check(
    'mail: refusals',
    !isOpen,
    count === 0 ? `no server refused us within ${REFUSAL_HOURS} hours` : `${refused}. Later mails were taken`,
    refused,
  );
}

function check(name: string, ok: boolean, good: string, bad: string): Check {
  return { name, ok, words: ok ? good : bad };
}

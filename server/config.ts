import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { sendingSettings, toSendingConfig, type SendingConfig } from './config-sending.js';
import { toWebhookConfig, webhookSettings, type WebhookConfig } from './config-webhooks.js';
import { Refusal } from './errors.js';
import { parseTrustProxy } from './trust-proxy.js';

const ROLES = ['web', 'worker', 'gateway'] as const;
export type Role = (typeof ROLES)[number];

/** The project's root: the nearest folder above this file with a package.json (dist/server lies one level deeper than server). */
export const ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Everything that can be set, parsed and checked. Durations are in milliseconds. */
export interface Config {
  readonly production: boolean;
  readonly port: number;
  readonly host: string;
  /** Without a trailing slash. */
  readonly publicUrl: string;
  /** null: the embedded database in `dataDir`/db. */
  readonly databaseUrl: string | null;
  /** One or several, separated by a space, preferred first; null: the built-in mailbox. */
  readonly smtpUrl: string | null;
  readonly dataDir: string;
  readonly keysFile: string;
  readonly gatewayPort: number;
  /** PEM files, and the port where TLS begins at once; null: no TLS there, and passwords only from this machine. */
  readonly gatewayTls: { readonly certFile: string; readonly keyFile: string; readonly port: number | null } | null;
  readonly inboundPort: number;
  /** `address:port` of a resolver; null: those of the system. */
  readonly dnsServer: string | null;
  readonly roles: readonly Role[];
  readonly logLevel: string;
  readonly logMode: 'public' | 'witnesses' | 'off';
  /** What express takes as "trust proxy": false, a number of hops, or address ranges. Never true (T15). */
  readonly trustProxy: false | number | readonly string[];
  readonly metricsToken: string | null;
  /** How many mails one worker may have in flight. */
  readonly sendWindow: number;
  /** Path of a policy file (c2sp tlog-policy) that names the witnesses; null: none are asked. */
  readonly witnessPolicy: string | null;
  /** URLs of time-stamp authorities (RFC 3161): none, one or two. */
  readonly anchors: readonly string[];
  /** PEM file with the root certificates of these authorities. */
  readonly anchorTrust: string | null;
  /** The log is time-stamped at least this often while it grows. */
  readonly anchorHours: number;
  readonly sending: SendingConfig;
  readonly webhooks: WebhookConfig;
  /** false only for load tests: switches budgets, minimum fill time and proof of work off. */
  readonly abuseLimits: boolean;
}

const port = (fallback: number) =>
  z.coerce.number({ error: 'must be a port number' }).int().min(0).max(65535).default(fallback);
const url = (protocols: string[]) =>
  z.string().refine((text) => isUrl(text, protocols), `must be a URL that starts with ${protocols.join(' or ')}`);
const file = () => z.string().refine(existsSync, 'must be a file that is there');

const settings = z.object({
  NODE_ENV: z.string().default('development'),
  PORT: port(3000),
  HOST: z.string().min(1).optional(),
  PUBLIC_URL: url(['http:', 'https:']).refine(isBase, 'must have no user, "?" or "#"').optional(),
  DATABASE_URL: url(['postgres:', 'postgresql:']).optional(),
  ...sendingSettings,
  DATA_DIR: z.string().min(1).default('./data'),
  KEYS_FILE: z.string().min(1).optional(),
  GATEWAY_PORT: port(2525),
  GATEWAY_TLS_CERT: file().optional(),
  GATEWAY_TLS_KEY: file().optional(),
  GATEWAY_TLS_PORT: z.coerce.number({ error: 'must be a port number' }).int().min(0).max(65535).optional(),
  INBOUND_PORT: port(2526),
  DNS_SERVER: z.string().refine(isHostAndPort, 'must be an IP address and a port, such as 127.0.0.1:53').optional(),
  ROLE: z
    .string()
    .default('web,worker,gateway')
    .transform(splitWords)
    .pipe(z.array(z.enum(ROLES, 'must be a list of web, worker, gateway')).min(1)),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  LOG_MODE: z.enum(['public', 'witnesses', 'off']).default('public'),
  TRUST_PROXY: z.string().default('').transform(parseTrustProxy),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  SEND_WINDOW: z.coerce.number({ error: 'must be a number from 1 to 1000' }).int().min(1).max(1000).default(100),
  WITNESS_POLICY: file().optional(),
  ANCHORS: z
    .string()
    .transform(splitWords)
    .pipe(
      z.array(url(['http:', 'https:']).refine(isBase, 'must have no user, "?" or "#"')).max(2, 'must be at most two'),
    )
    .optional(),
  ANCHOR_TRUST: file().optional(),
  ANCHOR_HOURS: z.coerce.number({ error: 'must be a number from 1 to 720' }).int().min(1).max(720).default(24),
  ABUSE_LIMITS: z.enum(['on', 'off']).default('on'),
  ...webhookSettings,
});

/** The names of all settings, for the docs test. */
export const SETTING_NAMES: readonly string[] = Object.keys(settings.shape);

/** Reads all settings at once. Throws `config-invalid` with one line for each mistake. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settings.safeParse(present);
  const wrong = parsed.error?.issues.map((issue) => `${issue.path.slice(0, 1).join('')} ${issue.message}`) ?? [];
  const mistakes = [...wrong, ...crossCheck(present)];
  if (!parsed.success || mistakes.length > 0) {
    throw new Refusal(
      'config-invalid',
      `These settings must be corrected:\n${mistakes.map((m) => `  - ${m}`).join('\n')}`,
    );
  }
  return toConfig(parsed.data);
}

type Settings = z.infer<typeof settings>;

function toConfig(set: Settings): Config {
  const production = set.NODE_ENV === 'production';
  const dataDir = resolve(set.DATA_DIR);
  const { GATEWAY_TLS_CERT: cert, GATEWAY_TLS_KEY: key } = set;
  return {
    production,
    port: set.PORT,
    host: set.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    publicUrl: (set.PUBLIC_URL ?? `http://localhost:${set.PORT}`).replace(/\/+$/, ''),
    databaseUrl: set.DATABASE_URL ?? null,
    smtpUrl: set.SMTP_URL ?? null,
    dataDir,
    keysFile: resolve(set.KEYS_FILE ?? `${dataDir}-keys.json`),
    gatewayPort: set.GATEWAY_PORT,
    gatewayTls:
      cert && key ? { certFile: resolve(cert), keyFile: resolve(key), port: set.GATEWAY_TLS_PORT ?? null } : null,
    inboundPort: set.INBOUND_PORT,
    dnsServer: set.DNS_SERVER ?? null,
    roles: [...new Set(set.ROLE)],
    logLevel: set.LOG_LEVEL,
    logMode: set.LOG_MODE,
    trustProxy: set.TRUST_PROXY,
    metricsToken: set.METRICS_TOKEN ?? null,
    sendWindow: set.SEND_WINDOW,
    witnessPolicy: set.WITNESS_POLICY === undefined ? null : resolve(set.WITNESS_POLICY),
    anchors: [...new Set(set.ANCHORS ?? [])],
    anchorTrust: set.ANCHOR_TRUST === undefined ? null : resolve(set.ANCHOR_TRUST),
    anchorHours: set.ANCHOR_HOURS,
    sending: toSendingConfig(set),
    webhooks: toWebhookConfig(set),
    abuseLimits: set.ABUSE_LIMITS === 'on',
  };
}

// Of the settings as they were given, since one that is wrong by itself must not hide these.
function crossCheck(set: NodeJS.ProcessEnv): string[] {
  const needed = set['NODE_ENV'] === 'production' ? ['SMTP_URL', 'PUBLIC_URL', 'DATABASE_URL', 'KEYS_FILE'] : [];
  const mistakes = needed.filter((name) => !set[name]).map((name) => `${name} is missing: production needs it`);
  if (set['NODE_ENV'] === 'production' && set['ABUSE_LIMITS'] === 'off')
    mistakes.push('ABUSE_LIMITS=off is refused in production');
  if (set['ANCHORS'] && !set['ANCHOR_TRUST'])
    mistakes.push('ANCHOR_TRUST is missing: without root certificates no time stamp can be checked');
  if ((set['GATEWAY_TLS_CERT'] === undefined) !== (set['GATEWAY_TLS_KEY'] === undefined))
    mistakes.push('GATEWAY_TLS_CERT and GATEWAY_TLS_KEY go together');
  if (set['GATEWAY_TLS_PORT'] && !set['GATEWAY_TLS_CERT'])
    mistakes.push('GATEWAY_TLS_PORT needs GATEWAY_TLS_CERT and GATEWAY_TLS_KEY');
  if (set['NODE_ENV'] === 'production' && /(^|,)\s*http:/i.test(set['ANCHORS'] ?? ''))
    mistakes.push('ANCHORS must be https in production');
  if (set['ROLE'] && new Set(splitWords(set['ROLE'])).size < ROLES.length && !set['DATABASE_URL']) {
    mistakes.push('ROLE splits the service, which needs DATABASE_URL: the embedded database belongs to one process');
  }
  return mistakes;
}

function splitWords(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}

function isUrl(text: string, protocols: string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}

// By name it would have to be looked up itself.
function isHostAndPort(text: string): boolean {
  const [, v6, v4, number] = /^(?:\[([0-9a-f:]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? [];
  return isIP(v6 ?? v4 ?? '') !== 0 && Number(number) > 0 && Number(number) < 65_536;
}

// Links are this and a path.
function isBase(text: string): boolean {
  return !/[?#@]/.test(text);
}

function findRoot(from: string): string {
  const file = join(from, 'package.json');
  if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'zgoda') return from;
  if (dirname(from) === from) throw new Error('package.json of zgoda not found');
  return findRoot(dirname(from));
}

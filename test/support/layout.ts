import { posix } from 'node:path';

/** DESIGN.md 4, leftmost first: a domain imports from earlier brackets only. */
const BRACKETS: readonly (readonly string[])[] = [
  ['keys', 'links', 'mail', 'verify'],
  ['database', 'ledger'],
  ['consent'],
  ['delivery'],
  ['campaigns', 'gateway', 'preferences', 'rights', 'forms'],
  ['staff', 'api', 'webhooks', 'transfer'],
  ['gateway', 'campaigns', 'both put the same footer under their mails'],
  ['tour', 'mailbox', 'witness'],
  ['web', 'jobs'],
];

/** Domains of one bracket that build on each other all the same: from, to, and why. */
const NEIGHBOURS: readonly (readonly [string, string, string])[] = [
  ['links', 'keys', 'a link is signed with a derived key'],
  ['ledger', 'database', 'events are written as rows'],
  ['preferences', 'rights', 'a person is erased in their settings'],
  ['gateway', 'campaigns', 'both put the same footer under their mails'],
  ['tour', 'mailbox', 'the tour shows what arrived'],
];

/** What the edges of all domains speak in: texts, pages, rendering, HTTP. */
const EDGE_LANGUAGE = ['i18n', 'pages', 'render', 'http', 'limits', 'origin', 'shown-page'].map(
  (name) => `server/web/${name}.ts`,
);

/** Files directly in server/ that say nothing about a domain; the rest (main, serve, boot) starts everything, as cli/ does. */
const FOUNDATION = [
  'config',
  'config-sending',
  'config-webhooks',
  'context',
  'errors',
  'logger',
  'bell',
  'meter',
  'outbound',
  'public-address',
  'trust-proxy',
].map((name) => `server/${name}.ts`);

const EDGE_NAME = /^((.+-)?(routes|screens|chores|view)(-.+)?|listen|inbound|main|cli|serve|boot)\.ts$/;

/** Pure domains and files: arguments in, value out. */
const PURE_LEDGER = [
  'jcs',
  'merkle',
  'frontier',
  'prove',
  'record',
  'evidence',
  'record-key',
  'note',
  'checkpoint',
  'tiles',
  'tlog-proof',
  'receipt',
  'base64',
  'malformed',
  'cosignature',
  'policy',
  'add-checkpoint',
  'rfc3161',
  'rfc3161-token',
];
const PURE_FILES = [
  ...PURE_LEDGER.map((name) => `server/ledger/${name}.ts`),
  ...['draw', 'field', 'seal', 'blind-index', 'keyring', 'subject-key'].map((name) => `server/keys/${name}.ts`),
  ...['states', 'periods', 'signals', 'attribute-mark', 'export-facts', 'export-dpv', 'export-kantara'].map(
    (name) => `server/consent/${name}.ts`,
  ),
  'server/rights/proof-date.ts',
  'server/witness/judge.ts',
  'server/campaigns/foreign-tags.ts',
  'server/campaigns/picture-bytes.ts',
  'server/campaigns/resolve-tags.ts',
  'server/errors.ts',
];

/** Pure but for randomness: nonces, new keys. */
export const MAY_DRAW: readonly string[] = ['draw', 'field', 'keyring', 'subject-key'].map(
  (name) => `server/keys/${name}.ts`,
);

/** The folder below server/ that a file belongs to; '' for files directly in it. */
export function domainOf(path: string): string {
  const [, domain = '', ...rest] = path.split('/');
  return rest.length > 0 ? domain : '';
}

/** Is this a pure file? */
export function isPure(path: string): boolean {
  const name = posix.basename(path);
  if (domainOf(path) === 'mail') return !name.startsWith('smtp') && name !== 'compose.ts';
  if (domainOf(path) === 'campaigns' && name.startsWith('lint-')) return true;
  return domainOf(path) === 'links' || PURE_FILES.includes(path);
}

/** Is this a file at the edge: routes, screens, listeners, chores, main, cli? */
export function isEdge(path: string): boolean {
  return ['web', 'jobs', 'cli'].includes(domainOf(path)) || EDGE_NAME.test(posix.basename(path));
}

/** May a file import this file of the shared edge language? */
export function speaksEdge(from: string, to: string): boolean {
  // Words are needed wherever mail is made; they come from pure functions.
  if (to === 'server/web/i18n.ts') return true;
  return isEdge(from) && EDGE_LANGUAGE.includes(to);
}

/** Why a value import of one of our files by another goes the wrong way, or null. */
export function wrongWay(from: string, to: string): string | null {
  if (!to.startsWith('server/')) return null;
  if (FOUNDATION.includes(to) || speaksEdge(from, to)) return null;
  const [here, there] = [placeOf(from), placeOf(to)];
  if (here === null) return `lies in a folder that the layout does not know`;
  if (there === null) return `imports ${to}, which lies in a folder that the layout does not know`;
  if (there < here || domainOf(from) === domainOf(to) || (there === here && here === BRACKETS.length)) return null;
  const isListed = NEIGHBOURS.some(([a, b]) => a === domainOf(from) && b === domainOf(to));
  return isListed ? null : `imports ${to}, which does not lie to its left`;
}

function placeOf(path: string): number | null {
  if (FOUNDATION.includes(path)) return -1;
  if (['', 'cli'].includes(domainOf(path))) return BRACKETS.length;
  const place = BRACKETS.findIndex((bracket) => bracket.includes(domainOf(path)));
  return place === -1 ? null : place;
}

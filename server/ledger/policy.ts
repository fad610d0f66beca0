import { decodeDecimal } from './base64.js';
import { Malformed } from './malformed.js';
import { COSIGNATURE, ED25519, formatVkey, parseVkey, type VerifierKey } from './note.js';

/** Whom a log is trusted by: its keys, its witnesses, and how many of them it takes. c2sp tlog-policy. */
export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly PolicyWitness[];
  readonly groups: readonly PolicyGroup[];
  /** A witness or group; null: none is needed. */
  readonly quorum: string | null;
}

export interface PolicyWitness {
  /** Means something within the policy only. */
  readonly name: string;
  readonly key: VerifierKey;
  /** Its submission prefix. */
  readonly url: string | null;
}

export interface PolicyGroup {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

const MAX_BYTES = 65_536;

/** Reads a policy. Throws Malformed, which names the line. Keys other than Ed25519 are refused, since we could not verify what they sign. */
export function parsePolicy(text: string): Policy {
  if (text.length > MAX_BYTES || /[^\t\n\x20-\x7e\x80-\uffff]/.test(text)) {
    throw new Malformed('policy', 'a policy has no control characters, and at most 64 KiB');
  }
  const draft: Draft = { logs: [], witnesses: [], groups: [], quorum: undefined, free: new Set(), known: new Set() };
  text.split('\n').forEach((line, place) => {
    const words = line.split(/[ \t]+/).filter((word) => word !== '');
    const [keyword = '#'] = words;
    if (keyword.startsWith('#')) return;
    const fault = readLine(draft, words);
    if (fault !== null) throw new Malformed('policy', `line ${place + 1}: ${fault}`);
  });
  if (draft.quorum === undefined) throw new Malformed('policy', 'there is no quorum line');
  return { logs: draft.logs, witnesses: draft.witnesses, groups: draft.groups, quorum: draft.quorum };
}

/** The policy as text, without comments and addresses: what a verifier needs of it. */
export function formatPolicy({ logs, witnesses, groups, quorum }: Policy): string {
  const lines = [
    ...logs.map((key) => `log ${formatVkey(key)}`),
    ...witnesses.map(({ name, key }) => `witness ${name} ${formatVkey(key)}`),
    ...groups.map(({ name, threshold, members }) => `group ${name} ${threshold} ${members.join(' ')}`),
    `quorum ${quorum ?? 'none'}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Whether cosignatures of these witnesses (vkeys) are enough. */
export function meetsQuorum(policy: Policy, cosigners: ReadonlySet<string>): boolean {
  const met = new Set(policy.witnesses.filter(({ key }) => cosigners.has(formatVkey(key))).map(({ name }) => name));
  // A group stands after its members, so that one pass is enough.
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => met.has(member)).length >= threshold) met.add(name);
  }
  return policy.quorum === null || met.has(policy.quorum);
}

interface Draft {
  readonly logs: VerifierKey[];
  readonly witnesses: PolicyWitness[];
  readonly groups: PolicyGroup[];
  quorum: string | null | undefined;
  /** All names, and those that are in no group yet. */
  readonly known: Set<string>;
  readonly free: Set<string>;
}

function readLine(draft: Draft, [keyword, ...words]: readonly string[]): string | null {
  switch (keyword) {
    case 'log':
      return readLog(draft, words);
    case 'witness':
      return readWitness(draft, words);
    case 'group':
      return readGroup(draft, words);
    case 'quorum':
      return readQuorum(draft, words);
    default:
      return 'a line begins with log, witness, group or quorum';
  }
}

function readLog(draft: Draft, [vkey = '', ...rest]: readonly string[]): string | null {
  const key = readKey(vkey, ED25519);
  if (!key || rest.length > 1) return 'expected "log <vkey> [<url>]" with an Ed25519 key';
  if (isTwice(draft.logs, key)) return 'the key of this log stands there twice';
  draft.logs.push(key);
  return null;
}

function readWitness(draft: Draft, [name = '', vkey = '', url, ...rest]: readonly string[]): string | null {
  const key = readKey(vkey, COSIGNATURE);
  if (!key || rest.length > 0)
    return 'expected "witness <name> <vkey> [<url>]" with an Ed25519 cosignature key (type 4)';
  const keys = draft.witnesses.map((witness) => witness.key);
  if (isTwice(keys, key)) return 'the key of this witness stands there twice';
  draft.witnesses.push({ name, key, url: url ?? null });
  return define(draft, name);
}

function readGroup(draft: Draft, [name = '', threshold = '', ...members]: readonly string[]): string | null {
  const number = threshold === 'any' ? 1 : threshold === 'all' ? members.length : decodeDecimal(threshold);
  if (number === null || number < 1 || number > members.length) {
    return 'expected "group <name> all|any|<k> <name>..." with k from 1 to the number of members';
  }
  for (const member of members) {
    if (!draft.known.has(member)) return `${member} is not defined above`;
    if (!draft.free.delete(member)) return `${member} is a member of a group already`;
  }
  draft.groups.push({ name, threshold: number, members });
  return define(draft, name);
}

function readQuorum(draft: Draft, [name = '', ...rest]: readonly string[]): string | null {
  if (rest.length > 0 || draft.quorum !== undefined) return 'expected one line "quorum <name>"';
  if (name !== 'none' && !draft.known.has(name)) return `${name} is not defined above`;
  draft.quorum = name === 'none' ? null : name;
  return null;
}

function define(draft: Draft, name: string): string | null {
  if (name === 'none' || draft.known.has(name)) return `${name} is taken`;
  draft.known.add(name);
  draft.free.add(name);
  return null;
}

function readKey(vkey: string, type: VerifierKey['type']): VerifierKey | null {
  try {
    const key = parseVkey(vkey);
    return key.type === type ? key : null;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

// Under another name it would count as another witness.
function isTwice(keys: readonly VerifierKey[], key: VerifierKey): boolean {
  return keys.some((other) => other.publicKey.equals(key.publicKey));
}

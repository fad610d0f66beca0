import { createHmac, createPrivateKey, createPublicKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '../errors.js';

const secret = z.string().refine(isSecret, 'must be 32 bytes in base64');

const keysFile = z.object({
  format: z.literal('zgoda-keys/v1'),
  /** `sign` makes new links and wraps new keys; `open` only opens what it once made. Exactly one signs. */
  masters: z
    .array(
      z.object({ id: z.number().int().min(1).max(255), use: z.enum(['sign', 'open']), madeAt: z.string(), secret }),
    )
    .min(1)
    .refine((masters) => masters.filter((master) => master.use === 'sign').length === 1, 'exactly one master must sign')
    .refine((masters) => new Set(masters.map((master) => master.id)).size === masters.length, 'master ids must differ'),
  /** Never rotated: suppression hashes cannot be computed anew, their addresses are gone. */
  suppression: secret,
  /** Seed of the proof log's Ed25519 key. */
  log: secret,
  /** Seed of its next key, while that is being introduced (P-25). */
  nextLog: secret.optional(),
  /** Its former keys, each with the size of the last tree that it signed. Kept for ever; their seeds are not. */
  formerLogs: z.array(z.object({ vkey: z.string(), lastSize: z.number().int().min(0) })).optional(),
  /** What the check value takes of the first log key, once that was replaced. */
  logCheck: secret.optional(),
});

/** What the keys file holds. Losing it loses the data: back it up apart from the database. */
export type KeysFile = z.infer<typeof keysFile>;

/** Every key that Zgoda uses, derived once by HKDF-SHA256 (RFC 5869) from the masters, one key for one use. */
export interface Keyring {
  /** Id of the master that signs and wraps. */
  readonly current: number;
  readonly ids: readonly number[];
  readonly madeAt: ReadonlyMap<number, string>;
  /** 32 bytes; null when the id is not (or no longer) known. */
  key(use: KeyUse, id: number): Buffer | null;
  readonly suppression: Buffer;
  readonly logPrivate: KeyObject;
  readonly logPublic: KeyObject;
  /** The log's next key, while it is being introduced. */
  readonly nextLogPrivate: KeyObject | null;
  readonly formerLogs: readonly FormerLogKey[];
  /**
   * Goes into the database at first start, so that a wrong keys file is noticed before it does harm. 32 bytes. It covers what rotation keeps: suppression,
   * the first log key, and the oldest master, under which blind indexes are made.
   */
  readonly check: Buffer;
}

/** A key with which the log signed earlier. */
export interface FormerLogKey {
  readonly vkey: string;
  /** Leaves of the last tree that it signed. */
  readonly lastSize: number;
}

export type KeyUse = 'wrap' | 'index' | 'seal' | 'pepper' | 'ticket' | 'attribute' | `link/${string}`;

const FIXED_USES: KeyUse[] = ['wrap', 'index', 'seal', 'pepper', 'ticket', 'attribute'];
const LINK_PURPOSES = ['c', 'u', 'p', 'm', 'r', 'n', 'a', 'g', 'w', 'b', 'x', 'y', 'k', 'i'];

/** Parses the text of the keys file at `path`. Throws `keys-invalid`, which names it. */
export function parseKeysFile(text: string, path: string): KeysFile {
  const parsed = keysFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const what = parsed.error.issues.map((issue) => [...issue.path, issue.message].join(' ')).join('; ');
  throw new Refusal('keys-invalid', `The keys file ${path} is damaged (${what}). Restore it from its backup.`);
}

/** New random keys. `now` is when. */
export function makeKeysFile(now: Date): KeysFile {
  const fresh = (): string => randomBytes(32).toString('base64');
  return {
    format: 'zgoda-keys/v1',
    masters: [{ id: 1, use: 'sign', madeAt: now.toISOString(), secret: fresh() }],
    suppression: fresh(),
    log: fresh(),
  };
}

/** The same keys with a new master that signs; the former ones still open what they made. */
export function rotateKeysFile(file: KeysFile, now: Date): KeysFile {
  const id = Math.max(...file.masters.map((master) => master.id)) + 1;
  if (id > 255) throw new Refusal('keys-invalid', 'There are already 255 master keys: remove revoked ones first.');
  const former = file.masters.map((master) => ({ ...master, use: 'open' as const }));
  return {
    ...file,
    masters: [...former, { id, use: 'sign', madeAt: now.toISOString(), secret: randomBytes(32).toString('base64') }],
  };
}

/** The same keys with a seed for the log's next key; one that is there already is kept. */
export function withNextLogKey(file: KeysFile): KeysFile {
  return { ...file, nextLog: file.nextLog ?? randomBytes(32).toString('base64') };
}

/** The same keys once the next log key signs: the former one's seed is gone, its public key and what the check value needs of it stay. */
export function withNewLogKey(file: KeysFile, former: FormerLogKey): KeysFile {
  const { nextLog, ...rest } = file;
  if (nextLog === undefined) return file;
  return { ...rest, log: nextLog, logCheck: logCheckOf(file), formerLogs: [...(file.formerLogs ?? []), former] };
}

/** Derives all keys of a keys file. */
export function makeKeyring(file: KeysFile): Keyring {
  const keys = new Map<string, Buffer>();
  for (const master of file.masters) {
    const bytes = Buffer.from(master.secret, 'base64');
    for (const use of FIXED_USES) keys.set(`${use}#${master.id}`, derive(bytes, `zgoda/${use}/v1/${master.id}`));
    for (const purpose of LINK_PURPOSES)
      keys.set(`link/${purpose}#${master.id}`, deriveLinkKey(bytes, purpose, master.id));
  }
  const ids = file.masters.map((master) => master.id);
  const suppression = Buffer.from(file.suppression, 'base64');
  const logPrivate = ed25519FromSeed(Buffer.from(file.log, 'base64'));
  return {
    current: file.masters.find((master) => master.use === 'sign')?.id ?? 0,
    ids,
    madeAt: new Map(file.masters.map((master) => [master.id, master.madeAt])),
    key: (use, id) => keys.get(`${use}#${id}`) ?? null,
    suppression,
    logPrivate,
    logPublic: createPublicKey(logPrivate),
    nextLogPrivate: file.nextLog === undefined ? null : ed25519FromSeed(Buffer.from(file.nextLog, 'base64')),
    formerLogs: file.formerLogs ?? [],
    check: createHmac('sha256', derive(suppression, 'zgoda/key-check/v1'))
      .update(Buffer.from(logCheckOf(file), 'base64'))
      .update(keys.get(`index#${Math.min(...ids)}`) ?? '')
      .digest(),
  };
}

/** The signing key of a use. */
export function currentKey(keyring: Keyring, use: KeyUse): Buffer {
  return knownKey(keyring, use, keyring.current);
}

/** A key that must exist, since something of ours names it. Throws `keys-invalid` when the keys file lacks it. */
export function knownKey(keyring: Keyring, use: KeyUse, id: number): Buffer {
  const key = keyring.key(use, id);
  if (!key)
    throw new Refusal(
      'keys-invalid',
      `The keys file lacks master key ${id}, which the database needs. Restore the file from its backup.`,
    );
  return key;
}

/** 32-byte key of one link purpose: HKDF(master, info = "consentlog/link/v1/" || purpose || kid). standards.md L-01. */
export function deriveLinkKey(master: Buffer, purpose: string, id: number): Buffer {
  return derive(master, Buffer.concat([Buffer.from(`consentlog/link/v1/${purpose}`), Buffer.from([id])]));
}

function logCheckOf(file: KeysFile): string {
  return file.logCheck ?? derive(Buffer.from(file.log, 'base64'), 'zgoda/key-check/v1').toString('base64');
}

function derive(secretBytes: Buffer, info: string | Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', secretBytes, Buffer.alloc(0), info, 32));
}

function ed25519FromSeed(seed: Buffer): KeyObject {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
}

// Node's decoder skips what is not base64: a damaged secret must not pass for a shorter spelling of another.
function isSecret(text: string): boolean {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === 32 && bytes.toString('base64') === text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

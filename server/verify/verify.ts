// The offline verifier of receipts, alone in one file: it needs Node and nothing of ours, so that it can be read, kept and run when the
// service is gone. It shares no code with the server on purpose (T3): a mistake there must not excuse itself here.
// Run: node verify.js RECEIPT --vkey KEY [--witness KEY] [--policy FILE] [--anchor-cert FILE] [--json]; each of them may come again.
import { createHash, createHmac, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

/** 0 valid under a pinned key, 1 invalid, 2 incomplete, 3 contradiction: the log showed two histories. */
export type ExitCode = 0 | 1 | 2 | 3;

/** One question about the receipt. `ok` is null when it could not be answered. `words` are free of control characters. */
export interface Check {
  readonly name: string;
  readonly ok: boolean | null;
  readonly words: string;
}

/** The verdict and how it came about. */
export interface Verdict {
  readonly exitCode: ExitCode;
  readonly checks: readonly Check[];
}

const MAX_BYTES = 20 * 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_EVENTS = 1000;
const MAX_SIGNATURES = 100;
const MAX_PATH = 64;
const MAX_LATER = 8;
const MAX_STAMPS = 20;
const HOUR_MS = 3_600_000;
/** Clocks differ. */
const CLOCK_MS = 5 * 60_000;
/** A log that promises time stamps less often promises none. */
const MAX_INTERVAL_MS = 31 * 24 * HOUR_MS;
const SHOWN_CHARACTERS = 160;

/** What the reader trusts already. */
export interface Trust {
  /** Log keys (c2sp vkeys). */
  readonly vkeys: readonly string[];
  /** Keys of witnesses (c2sp vkeys of cosignatures). */
  readonly witnesses?: readonly string[];
  /** Who must have signed, in c2sp tlog-policy syntax. */
  readonly policy?: string;
  /** Certificates of time-stamp authorities, or of whoever certifies them, in PEM. */
  readonly anchorCerts?: readonly string[];
}

/** Checks a receipt (the text of one JSON file) under what the reader trusts already, as of `now`. Never throws. */
export function verifyReceipt(text: string, trust: Trust, now = new Date()): Verdict {
  const report = new Report();
  try {
    checkReceipt(report, text, trust, now);
  } catch (error) {
    // Whatever a hostile file brings us to is an answer, and the answer is no.
    report.say('format', false, error instanceof Unreadable ? error.message : 'the receipt cannot be read');
  }
  return report.verdict();
}

/** What to verify, and how to say it. */
export interface VerifyRequest extends Trust {
  readonly file: string;
  readonly json: boolean;
}

/** Verifies a file and prints each check in words, or the verdict as JSON. Resolves to the exit code; never rejects for a file's sake. */
export async function runVerify(request: VerifyRequest, print: (line: string) => void = printLine): Promise<ExitCode> {
  const verdict = await verifyFile(request);
  if (request.json) print(JSON.stringify(verdict));
  else inWords(verdict).forEach(print);
  return verdict.exitCode;
}

/** The command line of this file. Resolves to the exit code; 64 when it was called wrongly. */
export async function main(args: readonly string[]): Promise<number> {
  const given: Record<string, string[]> = {
    '': [],
    '--vkey': [],
    '--witness': [],
    '--policy': [],
    '--anchor-cert': [],
  };
  let json = false;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--json') json = true;
    else if (word !== '' && Object.hasOwn(given, word)) given[word]?.push(args[(at += 1)] ?? '');
    else given['']?.push(word);
  }
  const [file, ...more] = given[''] ?? [];
  const policies = given['--policy'] ?? [];
  if (file === undefined || more.length > 0 || file.startsWith('--') || policies.length > 1) {
    printLine(
      'usage: verify RECEIPT --vkey KEY [--vkey KEY] [--witness KEY] [--policy FILE] [--anchor-cert FILE] [--json]',
    );
    return 64;
  }
  try {
    const read = async (path: string): Promise<string> => readFile(path, 'utf8');
    const anchorCerts = await Promise.all((given['--anchor-cert'] ?? []).map(read));
    const [policy] = await Promise.all(policies.map(read));
    const trust = { vkeys: given['--vkey'] ?? [], witnesses: given['--witness'] ?? [], anchorCerts };
    return await runVerify({ file, ...trust, ...(policy === undefined ? {} : { policy }), json });
  } catch {
    printLine('a policy or certificate file cannot be read');
    return 64;
  }
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function verifyFile({ file, ...trust }: VerifyRequest): Promise<Verdict> {
  const bytes = await readCapped(file);
  if (bytes === null) return failed(2, 'the file cannot be read');
  if (bytes.length > MAX_BYTES) return failed(1, 'the file is larger than 20 MB');
  try {
    return verifyReceipt(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), trust);
  } catch {
    return failed(1, 'the file is not UTF-8');
  }
}

// Reads one byte more than is allowed, whatever the file claims to be.
async function readCapped(file: string): Promise<Buffer | null> {
  try {
    const handle = await open(file, 'r');
    try {
      const chunks: Buffer[] = [];
      let total = 0;
      while (total <= MAX_BYTES) {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(1 << 16), 0, 1 << 16, null);
        if (bytesRead === 0) break;
        chunks.push(buffer.subarray(0, bytesRead));
        total += bytesRead;
      }
      return Buffer.concat(chunks);
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
}

function failed(exitCode: ExitCode, words: string): Verdict {
  return { exitCode, checks: [{ name: 'file', ok: exitCode === 2 ? null : false, words }] };
}

const CONCLUSIONS: Record<ExitCode, string> = {
  0: 'VALID: this was logged as it stands here, under a log key that you trust.',
  1: 'INVALID: do not rely on this receipt.',
  2: 'INCOMPLETE: nothing is wrong with what is here, but it is not enough to say yes.',
  3: 'CONTRADICTION: the log signed two histories that exclude each other. Keep this file: it is proof against the log.',
};

const LIMITS = [
  'No receipt proves that a human pressed the button, nor which human.',
  'No receipt proves that every event was logged, nor that the operator recorded the truth.',
  'A consent may have been withdrawn after the receipt was issued.',
  'Number, date of issue, policy and interval of time stamps are labels that nothing signs; witnesses and authorities count only where you said that you trust them.',
];

function inWords({ exitCode, checks }: Verdict): string[] {
  const marks = checks.map(({ ok, name, words }) => `${ok === null ? '??' : ok ? 'ok' : 'NO'}  ${name}: ${words}`);
  return [...marks, '', CONCLUSIONS[exitCode], ...LIMITS.map((limit) => `- ${limit}`)];
}

/** The file is not what a receipt must be. */
class Unreadable extends Error {}

/** Collects the answers. */
class Report {
  readonly #checks: Check[] = [];
  #contradiction = false;

  say(name: string, ok: boolean | null, words: string): void {
    this.#checks.push({ name, ok, words: harmless(words) });
  }

  contradict(words: string): void {
    this.#contradiction = true;
    this.say('one history', false, words);
  }

  verdict(): Verdict {
    const answers = this.#checks.map((check) => check.ok);
    const exitCode = this.#contradiction ? 3 : answers.includes(false) ? 1 : answers.includes(null) ? 2 : 0;
    return { exitCode, checks: this.#checks };
  }
}

/** Text from the file, fit for a terminal: no escape sequences, no control, bidi or invisible characters. */
function harmless(text: string): string {
  return text
    .replace(
      /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/gu,
      '',
    )
    .replace(/\u001b./gu, '')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '');
}

function shown(text: string): string {
  const characters = Array.from(harmless(text.slice(0, 4 * SHOWN_CHARACTERS)));
  return characters.length <= SHOWN_CHARACTERS
    ? characters.join('')
    : `${characters.slice(0, SHOWN_CHARACTERS).join('')}…`;
}

// ---- The receipt as a whole

interface Receipt {
  readonly claim: 'consent' | 'withdrawal';
  readonly log: { readonly origin: string; readonly vkey: string; readonly formerVkeys: readonly string[] };
  /** In ms; null: the log is not time-stamped. */
  readonly interval: number | null;
  /** The witnesses that the log asks, as it says itself. */
  readonly policy: string | null;
  readonly stamps: readonly {
    readonly checkpoint: string;
    readonly tokens: readonly { authority: string; token: string }[];
  }[];
  readonly list: string;
  readonly organisation: string;
  readonly events: readonly JsonObject[];
  readonly texts: JsonObject;
  /** Members that we do not know: nobody verified what they say. */
  readonly unknown: readonly string[];
}

const MEMBERS = {
  receipt: [
    'format',
    'number',
    'issued_at',
    'claim',
    'log',
    'anchors',
    'policy',
    'list',
    'organisation',
    'events',
    'texts',
    'limits',
  ],
  log: ['origin', 'vkey', 'former_vkeys'],
  event: ['kind', 'record', 'fields', 'proof', 'later'],
  field: ['salt', 'value'],
  anchors: ['interval', 'stamps'],
  stamp: ['checkpoint', 'tokens'],
  token: ['authority', 'token'],
};

/** An event whose record, opening and place in the log have been recomputed. */
interface Event {
  readonly kind: string;
  readonly record: JsonObject;
  readonly commitment: string;
  readonly happenedAt: string;
  readonly index: number;
  /** Of the first tree that is shown to hold it. */
  readonly size: number;
  /** Sizes of all trees that are shown to hold it. */
  readonly sizes: readonly number[];
  /** Names of witnesses, of those that the reader trusts, whose signature stands below one of these trees. */
  readonly witnesses: ReadonlySet<string>;
  /** Names of others below them. */
  readonly others: readonly Other[];
}

function checkReceipt(report: Report, text: string, trust: Trust, now: Date): void {
  if (text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES)
    throw new Unreadable('the receipt is larger than 20 MB');
  const receipt = readReceipt(parseJson(text));
  report.say('format', true, `a receipt with ${receipt.events.length} events, in the format zgoda-receipt/v1`);
  for (const name of receipt.unknown) report.say('members', null, `nobody verifies what it says under ${shown(name)}`);
  const policy = checkPolicy(report, trust.policy);
  const keys = checkKeys(
    report,
    receipt,
    [...trust.vkeys, ...policy.logs],
    [...(trust.witnesses ?? []), ...policy.vkeys],
  );
  const history = new History(report);
  const events = receipt.events.map((event, at) => checkEvent(report, { event, at, receipt, keys, history }));
  if (!events.every((event) => event !== null)) return;
  checkHeading(report, receipt, events);
  checkTexts(report, receipt, events);
  checkOneConsent(report, events);
  checkChain(report, events);
  checkConfirmations(report, receipt.claim, events);
  checkWitnesses(report, policy, keys, events);
  checkStamps(report, { receipt, keys, history, events, pems: trust.anchorCerts ?? [], now: now.getTime() });
  checkOutcome(report, receipt.claim, events);
}

function readReceipt(value: Json): Receipt {
  const receipt = asObject(value, 'the receipt');
  if (receipt.get('format') !== 'zgoda-receipt/v1')
    throw new Unreadable('this is not a receipt in the format zgoda-receipt/v1');
  const log = asObject(receipt.get('log'), 'log');
  const events = receipt.get('events');
  if (!Array.isArray(events) || events.length === 0) throw new Unreadable('the receipt holds no events');
  if (events.length > MAX_EVENTS) throw new Unreadable('the receipt holds too many events');
  const objects = events.map((event) => asObject(event, 'an event'));
  asString(receipt.get('number'), 'number');
  if (timeOf(asString(receipt.get('issued_at'), 'issued_at')) === null) throw new Unreadable('issued_at is not a time');
  const claim = receipt.get('claim');
  if (claim !== 'consent' && claim !== 'withdrawal')
    throw new Unreadable('the receipt does not say what it is to prove');
  const policy = receipt.get('policy') === null ? null : asString(receipt.get('policy'), 'policy');
  const anchors = asObject(receipt.get('anchors'), 'anchors');
  const stamps = asArray(anchors.get('stamps'), 'stamps', MAX_STAMPS).map((stamp) => asObject(stamp, 'a stamp'));
  const tokens = stamps.map((stamp) =>
    asArray(stamp.get('tokens'), 'tokens', MAX_STAMPS).map((token) => asObject(token, 'a token')),
  );
  return {
    claim,
    log: {
      origin: asString(log.get('origin'), 'log.origin'),
      vkey: asString(log.get('vkey'), 'log.vkey'),
      formerVkeys: asArray(log.get('former_vkeys') ?? [], 'former_vkeys', MAX_SIGNATURES).map((key) =>
        asString(key, 'a key'),
      ),
    },
    interval: readInterval(anchors.get('interval')),
    policy,
    stamps: stamps.map((stamp, at) => ({
      checkpoint: asString(stamp.get('checkpoint'), 'checkpoint'),
      tokens: (tokens[at] ?? []).map((token) => ({
        authority: asString(token.get('authority'), 'authority'),
        token: asString(token.get('token'), 'token'),
      })),
    })),
    list: asString(receipt.get('list'), 'list'),
    organisation: asString(receipt.get('organisation'), 'organisation'),
    events: objects,
    texts: asObject(receipt.get('texts'), 'texts'),
    unknown: [
      ...unknownIn(receipt, MEMBERS.receipt),
      ...unknownIn(log, MEMBERS.log),
      ...unknownIn(anchors, MEMBERS.anchors),
      ...stamps.flatMap((stamp) => unknownIn(stamp, MEMBERS.stamp)),
      ...tokens.flat().flatMap((token) => unknownIn(token, MEMBERS.token)),
      ...objects.flatMap((event) => unknownIn(event, MEMBERS.event)),
      ...objects.flatMap((event) => disclosuresOf(event).flatMap((field) => unknownIn(field, MEMBERS.field))),
    ],
  };
}

function disclosuresOf(event: JsonObject): JsonObject[] {
  return [...asObject(event.get('fields'), 'fields').values()].map((field) => asObject(field, 'a field'));
}

function unknownIn(object: JsonObject, known: readonly string[]): string[] {
  return [...object.keys()].filter((name) => !known.includes(name));
}

// How often the log is time-stamped: days and hours of an ISO 8601 duration.
function readInterval(value: Json | undefined): number | null {
  if (value === null) return null;
  const [, days, hours] = /^P(?=\d|T\d)(?:(\d{1,4})D)?(?:T(\d{1,5})H)?$/.exec(asString(value, 'interval')) ?? [];
  const interval = (Number(days ?? 0) * 24 + Number(hours ?? 0)) * HOUR_MS;
  if (interval === 0) throw new Unreadable('the interval of time stamps cannot be read');
  return interval;
}

// ---- Keys

interface LogKey {
  readonly name: string;
  readonly id: string;
  readonly publicKey: Buffer;
}

interface Keys {
  /** Keys that the reader trusts, and whose name is the log's. */
  readonly pinned: readonly LogKey[];
  /** Those, and those that the receipt brings along. */
  readonly all: readonly LogKey[];
  /** Of witnesses that the reader trusts. */
  readonly witnesses: readonly LogKey[];
  /** Of witnesses that only the receipt names. */
  readonly named: readonly LogKey[];
}

function checkKeys(
  report: Report,
  { log, policy }: Receipt,
  vkeys: readonly string[],
  witnessKeys: readonly string[],
): Keys {
  const own = parseVkey(log.vkey);
  const former = log.formerVkeys.map((vkey) => parseVkey(vkey));
  if (![own, ...former].every((key) => key?.name === log.origin) || own === null)
    throw new Unreadable('a log key in the receipt does not belong to its log');
  for (const vkey of vkeys) {
    if (parseVkey(vkey) === null)
      report.say('pinned key', null, `this is not a log key and was left aside: ${shown(vkey)}`);
  }
  for (const vkey of witnessKeys) {
    if (parseVkey(vkey, COSIGNATURE) === null)
      report.say('pinned key', null, `this is not the key of a witness and was left aside: ${shown(vkey)}`);
  }
  const brought = [own, ...(former as LogKey[])];
  const pinned = vkeys.map((vkey) => parseVkey(vkey)).filter((key) => key?.name === log.origin) as LogKey[];
  const trusted = pinned.some((key) => isSameKey(key, own));
  report.say(
    'log key',
    trusted ? true : null,
    trusted
      ? `the log is ${shown(log.origin)}, and you trust its key`
      : `the log calls itself ${shown(log.origin)}; you did not say that you trust its key, and anybody can make such a log`,
  );
  const witnesses = cosignerKeys(witnessKeys);
  return {
    pinned,
    all: [...pinned.filter((key) => !brought.some((other) => isSameKey(key, other))), ...brought],
    witnesses,
    named: namedWitnesses(policy).filter((key) => !witnesses.some((other) => isSameKey(key, other))),
  };
}

function cosignerKeys(vkeys: readonly string[]): LogKey[] {
  return vkeys.map((vkey) => parseVkey(vkey, COSIGNATURE)).filter((key) => key !== null);
}

function namedWitnesses(policy: string | null): LogKey[] {
  const read = policy === null ? null : readPolicy(policy);
  return read === null || 'bad' in read ? [] : cosignerKeys(read.vkeys);
}

/** Types of keys and signatures, c2sp signed-note. */
const ED25519 = 1;
const COSIGNATURE = 4;

function parseVkey(text: string, type = ED25519): LogKey | null {
  const [name = '', id = '', ...rest] = text.split('+');
  const encoded = base64(rest.join('+'));
  if (!isKeyName(name) || encoded?.length !== 33 || encoded[0] !== type) return null;
  const expected = sha256(Buffer.concat([Buffer.from(`${name}\n`), encoded])).subarray(0, 4);
  return expected.toString('hex') === id ? { name, id, publicKey: encoded.subarray(1) } : null;
}

function isSameKey(one: LogKey, other: LogKey): boolean {
  return one.name === other.name && one.publicKey.equals(other.publicKey);
}

function isKeyName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}+\p{Cc}]/u.test(name);
}

// ---- One event: record, commitment, leaf, inclusion, checkpoint

interface EventInput {
  readonly event: JsonObject;
  readonly at: number;
  readonly receipt: Receipt;
  readonly keys: Keys;
  readonly history: History;
}

function checkEvent(report: Report, { event, at, receipt, keys, history }: EventInput): Event | null {
  const kind = asString(event.get('kind'), 'kind');
  const name = `event ${at + 1} (${shown(kind)})`;
  const record = asObject(event.get('record'), 'record');
  const proof = parseProof(asString(event.get('proof'), 'proof'));
  if (proof === null) return refuse(report, name, 'its proof cannot be read');
  if (record.get('kind') !== kind) return refuse(report, name, 'it is labelled as another kind than its record says');
  const happenedAt = record.get('happened_at');
  if (typeof happenedAt !== 'string' || timeOf(happenedAt) === null)
    return refuse(report, name, 'its record has no time');
  if (record.get('schema_version') !== 1)
    report.say(name, null, 'its record has a version that this verifier does not know');

  if (proof.opening?.length !== 32) return refuse(report, name, 'its proof cannot be read');
  const commitment = hmac(proof.opening, 'consentlog/commit/v1', canonical(record));
  const leaf = leafHash(Buffer.from(`consentlog/v1 event\n${commitment.toString('base64')}\n`));
  const checkpoint = checkProof(proof, leaf, { receipt, keys, history });
  if (typeof checkpoint === 'string') return refuse(report, name, checkpoint);
  const trees = [checkpoint];
  for (const later of asArray(event.get('later') ?? [], 'later', MAX_LATER)) {
    const more = parseProof(asString(later, 'a later proof'));
    if (more === null || more.opening !== null || more.index !== proof.index)
      return refuse(report, name, 'a later proof of it cannot be read');
    const tree = checkProof(more, leaf, { receipt, keys, history });
    if (typeof tree === 'string') return refuse(report, name, `of a later proof: ${tree}`);
    trees.push(tree);
  }
  report.say(
    name,
    checkpoint.trusted ? true : null,
    `its record of ${happenedAt} stands in the log as leaf ${proof.index} of ${checkpoint.size}${checkpoint.trusted ? '' : ', under a key that you did not pin'}`,
  );
  checkFields(report, { name, event, record });
  return {
    kind,
    record,
    commitment: commitment.toString('base64'),
    happenedAt,
    index: proof.index,
    size: checkpoint.size,
    sizes: trees.map((tree) => tree.size),
    witnesses: new Set(trees.flatMap((tree) => tree.witnesses)),
    others: trees.flatMap((tree) => tree.others),
  };
}

/** The tree that a proof shows the leaf in; or what is wrong. */
function checkProof(
  proof: Proof,
  leaf: Buffer,
  { receipt, keys, history }: Pick<EventInput, 'receipt' | 'keys' | 'history'>,
): Checkpoint | string {
  const checkpoint = openCheckpoint(proof.checkpoint, keys, receipt.log.origin);
  if (typeof checkpoint === 'string') return checkpoint;
  history.addRoot(checkpoint);
  const walk = walkPath({ index: proof.index, size: checkpoint.size, leaf, path: proof.path });
  if (walk?.root.equals(checkpoint.root) !== true)
    return 'its record, opening and proof do not lead to the signed checkpoint';
  history.addNodes(checkpoint.size, walk.nodes);
  return checkpoint;
}

function refuse(report: Report, name: string, words: string): null {
  report.say(name, false, words);
  return null;
}

function checkFields(
  report: Report,
  { name, event, record }: { name: string; event: JsonObject; record: JsonObject },
): void {
  const commitments = asObject(record.get('fields') ?? new Map(), 'fields');
  for (const [field, disclosed] of asObject(event.get('fields'), 'fields')) {
    const { salt, value } = readDisclosure(asObject(disclosed, 'a field'));
    const isSame =
      salt?.length === 32 &&
      hmac(salt, 'consentlog/field/v1', `${field}\0${value}`).toString('base64') === commitments.get(field);
    report.say(
      `${name}, ${shown(field)}`,
      isSame && !field.includes('\0'),
      isSame ? 'what is disclosed is what was committed to' : 'what is disclosed is not what was committed to',
    );
    if (field === 'reply') checkReply(report, { name, record, value });
  }
}

// A letter for each byte of the answer that confirmed.
function checkReply(
  report: Report,
  { name, record, value }: { name: string; record: JsonObject; value: string },
): void {
  const ok = sha256(Buffer.from(value, 'latin1')).toString('hex') === member(record, 'confirm', 'sha256');
  report.say(
    `${name}, answer`,
    ok,
    ok ? 'it is the answer that confirmed' : 'it is another answer than that which confirmed',
  );
}

function readDisclosure(disclosed: JsonObject): { salt: Buffer | null; value: string } {
  return { salt: base64(asString(disclosed.get('salt'), 'salt')), value: asString(disclosed.get('value'), 'value') };
}

interface Proof {
  /** null: the proof has none. */
  readonly opening: Buffer | null;
  readonly index: number;
  readonly path: readonly Buffer[];
  readonly checkpoint: string;
}

// c2sp tlog-proof@v1; the extra line is the opening.
function parseProof(text: string): Proof | null {
  const end = text.indexOf('\n\n');
  const [header, ...lines] = text.slice(0, Math.max(end, 0)).split('\n');
  const extra = lines[0]?.startsWith('extra ') === true ? lines.shift() : undefined;
  const opening = extra === undefined ? null : base64(extra.slice(6));
  const [index = '', ...path] = lines;
  const leafIndex = index.startsWith('index ') ? decimal(index.slice(6)) : null;
  const hashes = path.slice(0, MAX_PATH + 1).map(base64);
  if (header !== 'c2sp.org/tlog-proof@v1' || leafIndex === null) return null;
  if (extra !== undefined && opening === null) return null;
  if (hashes.length > MAX_PATH || !hashes.every((hash) => hash?.length === 32)) return null;
  return { opening, index: leafIndex, path: hashes as Buffer[], checkpoint: text.slice(end + 2) };
}

interface Checkpoint {
  readonly size: number;
  readonly root: Buffer;
  /** Signed by a pinned key, not only by one that the receipt brings along. */
  readonly trusted: boolean;
  /** Names of trusted witnesses that signed it too. */
  readonly witnesses: readonly string[];
  readonly others: readonly Other[];
}

/** Whoever signed a checkpoint and is not trusted. `isRight`: under a key that the receipt brings along; false: nobody could check. */
interface Other {
  readonly name: string;
  readonly isRight: boolean;
}

// c2sp signed-note and tlog-checkpoint. Every signature of a key that we know must be right; the words say what is wrong.
function openCheckpoint(note: string, keys: Keys, origin: string): Checkpoint | string {
  const end = note.lastIndexOf('\n\n');
  const lines = note.slice(end + 2).split('\n');
  if (end < 0 || lines.pop() !== '' || lines.length > MAX_SIGNATURES) return 'its checkpoint is not a signed note';
  const body = note.slice(0, end + 1);
  const signatures = lines.map(parseSignature);
  if (/[^\P{Cc}\n]/u.test(note) || signatures.includes(null)) return 'its checkpoint is not a signed note';
  const [bodyOrigin, sizeLine = '', rootLine = '', last, ...more] = body.split('\n');
  const size = decimal(sizeLine);
  const root = base64(rootLine);
  if (size === null || root?.length !== 32 || last !== '' || more.length > 0) return 'its checkpoint cannot be read';
  if (bodyOrigin !== origin) return 'its checkpoint is of another log';
  const by = (key: LogKey) => signatures.filter((each) => each?.name === key.name && each.id === key.id) as Signature[];
  const isRight = (key: LogKey) => by(key).every((each) => verifyEd25519(key.publicKey, body, each.bytes));
  if (!keys.all.every(isRight)) return 'the signature of its checkpoint is wrong';
  if (!keys.all.some((key) => by(key).length > 0)) return 'its checkpoint is not signed by the log';
  const hasSigned = (key: LogKey) => by(key).length > 0;
  const cosigned = [...keys.witnesses, ...keys.named].filter(hasSigned);
  const isCosigned = (key: LogKey) => by(key).every((each) => isCosignature(key, body, each.bytes));
  if (!cosigned.every(isCosigned)) return 'the signature of a witness below its checkpoint is wrong';
  const known = [...keys.all, ...cosigned];
  const strangers = (signatures as Signature[]).filter(
    ({ name, id }) => !known.some((key) => key.name === name && key.id === id),
  );
  return {
    ...{ size, root },
    trusted: keys.pinned.some(hasSigned),
    witnesses: keys.witnesses.filter(hasSigned).map((key) => key.name),
    others: [
      ...keys.named.filter(hasSigned).map(({ name }) => ({ name, isRight: true })),
      ...strangers.map(({ name }) => ({ name, isRight: false })),
    ],
  };
}

// c2sp tlog-cosignature: eight bytes of time, then a signature over the time and the checkpoint without its signatures.
function isCosignature(key: LogKey, body: string, bytes: Buffer): boolean {
  if (bytes.length !== 72) return false;
  const message = `cosignature/v1\ntime ${bytes.readBigUInt64BE(0)}\n${body}`;
  return verifyEd25519(key.publicKey, message, bytes.subarray(8));
}

interface Signature {
  readonly name: string;
  readonly id: string;
  readonly bytes: Buffer;
}

function parseSignature(line: string): Signature | null {
  const [dash, name = '', encoded = '', ...rest] = line.split(' ');
  const bytes = base64(encoded);
  if (dash !== '—' || !isKeyName(name) || bytes === null || bytes.length < 5 || rest.length > 0) return null;
  return { name, id: bytes.subarray(0, 4).toString('hex'), bytes: bytes.subarray(4) };
}

function verifyEd25519(publicKey: Buffer, message: Buffer | string, signature: Buffer): boolean {
  if (signature.length !== 64) return false;
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') };
    return verify(
      null,
      typeof message === 'string' ? Buffer.from(message) : message,
      createPublicKey({ key: jwk, format: 'jwk' }),
      signature,
    );
  } catch {
    return false;
  }
}

// ---- The tree

interface Path {
  readonly index: number;
  readonly size: number;
  readonly leaf: Buffer;
  readonly path: readonly Buffer[];
}

/** The root that a path leads to, and the perfect subtrees on its way: they stay the same in every later tree. */
interface Walk {
  readonly root: Buffer;
  readonly nodes: ReadonlyMap<string, Buffer>;
}

// RFC 9162 2.1.3.2, with the height of each node kept to say which subtree it is.
function walkPath({ index, size, leaf, path }: Path): Walk | null {
  if (index >= size) return null;
  const nodes = new Map<string, Buffer>();
  const note = (height: number, at: number, hash: Buffer) => {
    if ((at + 1) * 2 ** height <= size) nodes.set(`${height}/${at}`, hash);
  };
  let [at, last, height, hash] = [index, size - 1, 0, leaf];
  const climb = () => {
    [at, last, height] = [Math.floor(at / 2), Math.floor(last / 2), height + 1];
  };
  note(0, index, leaf);
  for (const sibling of path) {
    if (last === 0) return null;
    // The last node of a row without a partner moves up unchanged.
    while (at === last && at % 2 === 0) climb();
    const isRight = at % 2 === 1;
    note(height, isRight ? at - 1 : at + 1, sibling);
    hash = isRight ? sha256(Buffer.of(1), sibling, hash) : sha256(Buffer.of(1), hash, sibling);
    climb();
    note(height, at, hash);
  }
  return last === 0 ? { root: hash, nodes } : null;
}

/** All that the checkpoints of one receipt say about the tree: it must be one tree. */
class History {
  readonly #roots = new Map<number, Buffer>();
  readonly #nodes = new Map<string, Buffer>();

  constructor(private readonly report: Report) {}

  addRoot({ size, root }: Checkpoint): void {
    const known = this.#roots.get(size);
    if (known?.equals(root) === false) this.report.contradict(`the log signed two different trees of ${size} leaves`);
    this.#roots.set(size, root);
  }

  addNodes(size: number, nodes: ReadonlyMap<string, Buffer>): void {
    for (const [place, hash] of nodes) {
      if (this.#nodes.get(place)?.equals(hash) === false) {
        this.report.contradict(
          `the log signed a tree of ${size} leaves in which earlier leaves are not what they were`,
        );
        return;
      }
      this.#nodes.set(place, hash);
    }
  }
}

// ---- What the records say together

function checkHeading(report: Report, { list, organisation }: Receipt, events: readonly Event[]): void {
  const isList = events.every(({ record }) => [record.get('list_id'), record.get('list_name')].includes(list));
  const controllers = events.map(({ record }) => record.get('controller')).filter((value) => value instanceof Map);
  // The organisation may have had another name before: that of the last act counts.
  const last = controllers.at(-1);
  const isOrganisation = last === undefined || last.get('name') === organisation;
  const ok = isList && isOrganisation ? (controllers.length > 0 ? true : null) : false;
  report.say(
    'heading',
    ok,
    ok === false
      ? 'list or organisation at the head of the receipt are not those of its records'
      : ok === null
        ? 'no record names the organisation'
        : `list ${shown(list)} of ${shown(organisation)}`,
  );
}

function checkTexts(report: Report, { texts }: Receipt, events: readonly Event[]): void {
  const referred = events.flatMap(({ record }) => [
    ...['wording', 'notice', 'terms', 'form', 'mail'].map((part) => member(record, part, 'sha256')),
    member(record, 'confirm', 'page_sha256'),
  ]);
  const hashes = [...texts].map(([hash, value]) => ({
    hash,
    isRight: sha256(asString(value, 'a text')).toString('hex') === hash,
  }));
  const isRight = hashes.every((each) => each.isRight && referred.includes(each.hash));
  const needed = events.flatMap(({ record }) => ['wording', 'notice'].map((part) => member(record, part, 'sha256')));
  const isWhole = needed.every((hash) => hash === undefined || (typeof hash === 'string' && texts.has(hash)));
  report.say(
    'texts',
    isRight ? (isWhole ? true : null) : false,
    isRight
      ? isWhole
        ? `${hashes.length} texts are those that the records refer to`
        : 'a text that the records refer to is missing'
      : 'a text is not the one that the records refer to',
  );
}

function checkOneConsent(report: Report, events: readonly Event[]): void {
  const isOne = ['list_id', 'subject_ref'].every((name) => {
    const values = events.map(({ record }) => record.get(name));
    return values.every((value) => typeof value === 'string' && value !== '' && value === values[0]);
  });
  const isOnce =
    new Set(events.map((event) => event.commitment)).size === events.length &&
    new Set(events.map((event) => event.record.get('record_id'))).size === events.length;
  report.say(
    'one consent',
    isOne && isOnce,
    isOne && isOnce
      ? 'all events are about one person and one list'
      : 'the events are not about one person and one list, or one stands here twice',
  );
  const isOrdered = events.every((event, at) => {
    const before = events[at - 1];
    return before === undefined || before.happenedAt <= event.happenedAt;
  });
  report.say(
    'order',
    isOrdered,
    isOrdered ? 'the events follow each other in time' : 'the events are not in order of time',
  );
}

/** What a consent begins with: somebody asked, or somebody else says that there is one. */
const ASSERTIONS = ['asserted', 'imported', 'staff-entered'];
const BEGINNINGS = ['requested', ...ASSERTIONS];

// Each event names the commitment of the one before it, so that one left out in the middle shows (P-12).
function checkChain(report: Report, events: readonly Event[]): void {
  const answers = events.map((event, at) => linkOf(event, events.slice(0, at)));
  const ok = answers.includes(false) ? false : answers.includes(null) ? null : true;
  report.say(
    'chain',
    ok,
    ok === true
      ? 'each event names the one before it'
      : ok === null
        ? 'an event follows one that is not in this receipt'
        : 'an event does not follow the one that it should',
  );
}

function linkOf(event: Event, earlier: readonly Event[]): boolean | null {
  const before = event.record.get('prev_event_commit');
  if (before !== null && before !== undefined && typeof before !== 'string') return false;
  if (BEGINNINGS.includes(event.kind)) return true;
  if (event.kind === 'offered') return linkTo(event.record.get('request_commit'), earlier, BEGINNINGS);
  if (event.kind === 'confirmed') return linkTo(before, earlier, ['offered']);
  if (earlier.length === 0) return true;
  if (typeof before !== 'string') return false;
  return earlier.some((other) => other.commitment === before) ? true : null;
}

function linkTo(commitment: Json | undefined, earlier: readonly Event[], kinds: readonly string[]): boolean | null {
  const candidates = earlier.filter((event) => kinds.includes(event.kind));
  if (candidates.length === 0) return null;
  return candidates.some((event) => event.commitment === commitment);
}

function checkConfirmations(report: Report, claim: Receipt['claim'], events: readonly Event[]): void {
  for (const confirmed of events.filter((event) => event.kind === 'confirmed')) {
    const offered = events.find(
      (event) => event.kind === 'offered' && event.commitment === confirmed.record.get('prev_event_commit'),
    );
    if (offered === undefined) continue;
    checkConfirmation(report, offered, confirmed);
    checkOfferedFirst(report, claim, { offered, confirmed });
  }
}

function checkConfirmation(report: Report, offered: Event, confirmed: Event): void {
  const secret = confirmed.record.get('secret');
  const isReply = member(confirmed.record, 'confirm', 'method') === 'reply';
  const bytes = typeof secret === 'string' ? base64url(secret) : null;
  const isSecret =
    bytes !== null &&
    bytes.length >= 16 &&
    sha256(bytes).toString('hex') ===
      member(offered.record, 'token', isReply ? 'reply_secret_sha256' : 'secret_sha256');
  report.say(
    'secret',
    isSecret,
    isSecret
      ? 'the confirmation reveals the secret that only the mail held'
      : 'the confirmation does not reveal the secret of the mail',
  );
  const expires = member(offered.record, 'token', 'expires_at');
  const deadline = typeof expires === 'string' ? timeOf(expires) : null;
  const isInTime =
    deadline !== null && Math.floor((timeOf(confirmed.happenedAt) ?? Infinity) / 1000) * 1000 <= deadline;
  report.say(
    'in time',
    isInTime,
    isInTime ? 'it was confirmed before the link expired' : 'it was not confirmed before the link expired',
  );
  checkHandoff(report, offered, confirmed);
}

// Who withdraws after the log was continued under another name, and had confirmed before, cannot show a checkpoint between offer and confirmation under this
// name. The withdrawal stands; how the consent came about stays open, and so the answer is never yes.
function checkOfferedFirst(
  report: Report,
  claim: Receipt['claim'],
  { offered, confirmed }: { offered: Event; confirmed: Event },
): void {
  const isBetween = offered.size <= confirmed.index;
  report.say(
    'offered first',
    isBetween ? true : claim === 'withdrawal' ? null : false,
    isBetween
      ? 'the log had signed the offer before the confirmation stood in it'
      : 'no checkpoint shows that the offer was logged before the confirmation',
  );
}

// Absent where the mail server's answer was not yet known when it was confirmed.
function checkHandoff(report: Report, offered: Event, confirmed: Event): void {
  const text = member(confirmed.record, 'mail_handoff', 'at');
  if (text === undefined) return;
  const at = typeof text === 'string' ? timeOf(text) : null;
  const after = timeOf(offered.happenedAt) ?? Infinity;
  const before = timeOf(confirmed.happenedAt) ?? -Infinity;
  const ok = at !== null && after <= at && at <= before + CLOCK_MS;
  report.say(
    'handed over',
    ok,
    ok
      ? 'a mail server took the mail over after it was offered and before it was confirmed'
      : 'the mail was not handed over between its offer and the confirmation',
  );
}

function checkOutcome(report: Report, claim: Receipt['claim'], events: readonly Event[]): void {
  const acts = events.filter((event) => ['confirmed', 'withdrawn', 'renewed'].includes(event.kind));
  if (claim === 'withdrawal') sayWithdrawal(report, events, acts.at(-1));
  else sayConsent(report, events, acts.at(-1));
}

function sayWithdrawal(report: Report, events: readonly Event[], last: Event | undefined): void {
  const consent = events.findLast((event) => event.kind === 'confirmed' || ASSERTIONS.includes(event.kind));
  if (last?.kind !== 'withdrawn')
    report.say('outcome', false, 'it is to prove a withdrawal, and shows none that stands');
  else if (consent === undefined)
    report.say(
      'outcome',
      null,
      `a consent that is not in this receipt was withdrawn at ${last.happenedAt}${wayOf(last)}`,
    );
  else
    report.say(
      'outcome',
      true,
      `the consent of ${consent.happenedAt} was withdrawn at ${last.happenedAt}${wayOf(last)}`,
    );
}

const WAYS: Readonly<Record<string, string>> = {
  'one-click': 'with the button of the mail program',
  page: 'on the page that every mail leads to',
  settings: 'on the page with all settings',
  'stop-all': 'by stopping all lists',
  mail: 'by mail',
  complaint: 'by calling a mail of the list spam, as the mail provider reported',
  journal: 'as the journal of withdrawals had it, after a backup was restored',
};

function wayOf({ record }: Event): string {
  const channel = member(record, 'withdrawal', 'channel');
  if (typeof channel !== 'string') return '';
  return `, ${Object.hasOwn(WAYS, channel) ? WAYS[channel] : `by ${shown(channel)}`}`;
}

function sayConsent(report: Report, events: readonly Event[], last: Event | undefined): void {
  const confirmed = events.findLast((event) => event.kind === 'confirmed');
  const end = events.at(-1);
  if (last?.kind === 'withdrawn')
    report.say('outcome', false, `the consent was withdrawn at ${last.happenedAt}${wayOf(last)}`);
  else if (confirmed !== undefined) {
    const renewed = last?.kind === 'renewed' ? `, its withdrawal was taken back at ${last.happenedAt}` : '';
    report.say(
      'outcome',
      true,
      `the consent was confirmed at ${confirmed.happenedAt}${renewed}, and this receipt holds no withdrawal${renewed ? ' after that' : ''}`,
    );
  } else if (events.some((event) => ASSERTIONS.includes(event.kind)))
    report.say(
      'outcome',
      null,
      'somebody else says that there was a consent; the owner of the mailbox did not confirm it',
    );
  else
    report.say(
      'outcome',
      null,
      `nobody confirmed; the last event is ${shown(end?.kind ?? '')} at ${end?.happenedAt ?? ''}`,
    );
}

// ---- Witnesses

interface Policy {
  readonly logs: readonly string[];
  readonly vkeys: readonly string[];
  /** Do these witnesses, by name of their key, satisfy it? null: no policy, or none that asks for anybody. */
  readonly isMet: ((signed: ReadonlySet<string>) => boolean) | null;
}

const NO_POLICY: Policy = { logs: [], vkeys: [], isMet: null };

/** By name of a key: does what is signed satisfy a member of the policy? */
type Member = (signed: ReadonlySet<string>) => boolean;

function checkPolicy(report: Report, text: string | undefined): Policy {
  if (text === undefined) return NO_POLICY;
  const policy = readPolicy(text);
  if (!('bad' in policy)) return policy;
  const words = 'this line of the policy cannot be read, so nothing was asked of witnesses';
  report.say('policy', null, `${words}: ${shown(policy.bad)}`);
  return NO_POLICY;
}

/** c2sp tlog-policy: lines "log VKEY", "witness NAME VKEY [URL]", "group NAME all|any|NUMBER MEMBER...", "quorum NAME|none"; or the line that is none. */
function readPolicy(text: string): Policy | { readonly bad: string } {
  const logs: string[] = [];
  const vkeys: string[] = [];
  const members = new Map<string, Member>();
  let quorum: string | null = null;
  for (const line of text.split('\n').map((one) => one.replace(/#.*$/, '').trim())) {
    const [word = '', name = '', ...rest] = line.split(/[ \t]+/);
    if (line === '') continue;
    const isNew = name !== '' && name !== 'none' && !members.has(name);
    const key = word === 'witness' && isNew ? parseVkey(rest[0] ?? '', COSIGNATURE) : null;
    const group = word === 'group' && isNew ? readGroup(members, rest) : null;
    if (word === 'log' && parseVkey(name)) logs.push(name);
    else if (key !== null && rest.length <= 2) {
      vkeys.push(rest[0] ?? '');
      members.set(name, (signed) => signed.has(key.name));
    } else if (group !== null) members.set(name, group);
    else if (word === 'quorum' && quorum === null && rest.length === 0 && (name === 'none' || members.has(name)))
      quorum = name;
    else return { bad: line };
  }
  if (quorum === null) return { bad: 'quorum' };
  return { logs, vkeys, isMet: members.get(quorum) ?? null };
}

function readGroup(known: ReadonlyMap<string, Member>, [how = '', ...names]: readonly string[]): Member | null {
  const members = names.map((name) => known.get(name)).filter((member) => member !== undefined);
  const most = new Set(names).size;
  const needed = how === 'all' ? most : how === 'any' ? 1 : (decimal(how) ?? 0);
  if (members.length < names.length || most < names.length || needed < 1 || needed > most) return null;
  return (signed) => members.filter((member) => member(signed)).length >= needed;
}

function checkWitnesses(report: Report, { isMet }: Policy, keys: Keys, events: readonly Event[]): void {
  if (isMet !== null) {
    const missing = events.filter((event) => !isMet(event.witnesses));
    report.say(
      'witnesses',
      missing.length === 0 ? true : null,
      missing.length === 0
        ? 'the witnesses that your policy asks for have seen every event in the log'
        : `not enough of the witnesses that your policy asks for have seen ${missing.map((event) => shown(event.kind)).join(', ')} in the log`,
    );
  } else if (keys.witnesses.length > 0) {
    const names = [...new Set(events.flatMap((event) => [...event.witnesses]))];
    report.say(
      'witnesses',
      true,
      names.length > 0
        ? `witnesses that you trust signed trees that hold these events: ${names.map(shown).join(', ')}`
        : 'none of the witnesses that you trust signed a tree that holds these events',
    );
  }
  const others = events.flatMap((event) => event.others);
  const named = (isRight: boolean): string =>
    [...new Set(others.filter((other) => other.isRight === isRight).map((other) => shown(other.name)))].join(', ');
  if (named(true))
    report.say('other witnesses', true, `under keys that only this receipt names, these signed too: ${named(true)}`);
  if (named(false))
    report.say(
      'other witnesses',
      true,
      `signatures in these names stand there too, and nobody checked them: ${named(false)}`,
    );
}

// ---- Time stamps: RFC 3161 tokens, which are CMS signed data (RFC 5652)

interface StampInput {
  readonly receipt: Receipt;
  readonly keys: Keys;
  readonly history: History;
  readonly events: readonly Event[];
  readonly pems: readonly string[];
  readonly now: number;
}

/** A tree that an authority saw, which the reader trusts. */
interface TrustedStamp {
  readonly size: number;
  readonly at: number;
}

function checkStamps(report: Report, { receipt, keys, history, events, pems, now }: StampInput): void {
  const roots = readCertificates(report, pems);
  const trusted: TrustedStamp[] = [];
  for (const { checkpoint, tokens } of receipt.stamps) {
    const tree = openCheckpoint(checkpoint, keys, receipt.log.origin);
    if (typeof tree === 'string') {
      report.say('time stamp', false, `of what was stamped: ${tree}`);
      continue;
    }
    history.addRoot(tree);
    if (!events.some((event) => event.sizes.includes(tree.size)))
      report.say(
        'time stamp',
        false,
        `the tree of ${tree.size} that was stamped is not shown to hold any of these events`,
      );
    const stamps = tokens.map(({ authority, token }) => {
      const stamp = openToken(token, checkpoint, roots);
      sayStamp(report, { authority, size: tree.size, stamp });
      return stamp;
    });
    trusted.push(
      ...stamps.flatMap((stamp) =>
        typeof stamp !== 'string' && stamp.isTrusted ? [{ size: tree.size, at: stamp.at }] : [],
      ),
    );
  }
  sayInterval(report, receipt);
  if (roots.length === 0) return;
  for (const event of events) {
    const [ok, words] = judgeTime(event, { interval: receipt.interval, trusted, now });
    report.say('written down in time', ok, `${shown(event.kind)} of ${event.happenedAt} ${words}`);
  }
}

function sayStamp(
  report: Report,
  { authority, size, stamp }: { authority: string; size: number; stamp: Stamp | string },
): void {
  if (typeof stamp === 'string') {
    report.say('time stamp', false, `${shown(authority)}: ${stamp}`);
    return;
  }
  const trust = stamp.isTrusted ? 'which you trust' : 'which you did not say that you trust';
  report.say(
    'time stamp',
    true,
    `the tree of ${size} was there at ${spelled(stamp.at)}, says ${shown(stamp.signer)}, ${trust}`,
  );
}

function sayInterval(report: Report, { interval, stamps }: Receipt): void {
  const hours = (interval ?? 0) / HOUR_MS;
  const largest = `the log says that it is time-stamped every ${hours} hours: by so much an event may be written down later than it claims, unseen`;
  const words =
    stamps.length > 0
      ? interval === null
        ? 'the log does not say how often it is time-stamped'
        : largest
      : interval === null
        ? 'the log was not time-stamped by others: its times are what the operator says'
        : `${largest}; this receipt brings no stamp along, so its times are what the operator says`;
  report.say('backdating', true, words);
}

/** Was an event written down when it says that it happened, by the clocks of authorities that the reader trusts (T3)? */
function judgeTime(
  event: Event,
  { interval, trusted, now }: { interval: number | null; trusted: readonly TrustedStamp[]; now: number },
): [boolean | null, string] {
  const happened = timeOf(event.happenedAt) ?? NaN;
  const promised = interval !== null && interval <= MAX_INTERVAL_MS ? interval + CLOCK_MS : null;
  const first = Math.min(...trusted.filter(({ size }) => event.sizes.includes(size)).map(({ at }) => at));
  const without = Math.max(...trusted.filter(({ size }) => size <= event.index).map(({ at }) => at));
  const isLate = (at: number): boolean => promised !== null && at - happened > promised;
  if (first < happened - CLOCK_MS) return [false, `was stamped at ${spelled(first)} already: before it happened`];
  if (isLate(without))
    return [false, `was not yet in the log at ${spelled(without)}: it was written down later than it claims`];
  if (first === Infinity)
    return promised !== null && !isLate(now)
      ? [true, 'is too young to be time-stamped: when it was written down is what the operator says']
      : [null, 'is under no time stamp of an authority that you trust: ask for the receipt anew'];
  if (isLate(first)) return [false, `was first stamped at ${spelled(first)}: later than the log promises`];
  const minutes = Math.max(0, Math.ceil((first - happened) / 60_000));
  const words = `was in the log by ${spelled(first)}, ${minutes} minutes later`;
  // Without a promise a day is soon enough, and more is for the reader to judge.
  const isSoon = promised !== null || first - happened <= 24 * HOUR_MS + CLOCK_MS;
  return isSoon ? [true, words] : [null, `${words}; whether that is soon enough the receipt does not say`];
}

function spelled(time: number): string {
  return new Date(time).toISOString();
}

function readCertificates(report: Report, pems: readonly string[]): X509Certificate[] {
  return pems
    .flatMap((pem) => pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [''])
    .flatMap((pem) => {
      try {
        return [new X509Certificate(pem)];
      } catch {
        report.say('pinned certificate', null, 'a certificate that you gave cannot be read and was left aside');
        return [];
      }
    });
}

interface Stamp {
  readonly at: number;
  readonly signer: string;
  readonly isTrusted: boolean;
}

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  extendedKeyUsage: '2.5.29.37',
  timeStamping: '1.3.6.1.5.5.7.3.8',
};
const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** RSA with PKCS #1 v1.5 and ECDSA; whether the hash is named by the signature or beside it. */
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.1': null,
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/** Opens a token over a text; or what is wrong with it. */
function openToken(token: string, text: string, roots: readonly X509Certificate[]): Stamp | string {
  const bytes = base64(token);
  if (bytes === null) return 'its time stamp is not base64';
  try {
    return readToken(bytes, text, roots);
  } catch {
    return 'its time stamp cannot be read';
  }
}

function readToken(bytes: Buffer, text: string, roots: readonly X509Certificate[]): Stamp | string {
  // Each part where it must stand, and nothing beside: what is around the signature is signed by nobody. RFC 5652 5.
  const [kind, wrapped] = shaped(derOf(bytes), 0x30, [0x06, 0xa0]);
  const [version, digests, content, set, signers] = shaped(
    shaped(wrapped, 0xa0, [0x30])[0],
    ...([0x30, [0x02, 0x31, 0x30, 0xa0, 0x31]] as const),
  );
  const [type, eContent] = shaped(content, 0x30, [0x06, 0xa0]);
  const info = shaped(eContent, 0xa0, [0x04])[0]?.body;
  if (
    kind?.oid() !== OID.signedData ||
    type?.oid() !== OID.tstInfo ||
    version?.body.equals(Buffer.of(3)) !== true ||
    !info
  )
    return 'it is no time stamp';
  const certificates = (set?.children() ?? []).map((part) => new X509Certificate(part.whole));
  const signer = shaped(shaped(signers, 0x31, [0x30])[0], 0x30, [0x02, 0x30, 0x30, 0xa0, 0x30, 0x04]);
  const signature = readSigner(signer, info, certificates);
  if (typeof signature === 'string') return signature;
  if (algorithmOf(shaped(digests, 0x31, [0x30])[0]) !== algorithmOf(signer[2])) return 'it contradicts itself';
  const at = readTime(info, text);
  if (typeof at === 'string') return at;
  if (!maySign(signature, at)) return 'its certificate is not one for time stamps, or not one of that time';
  const name = /^(?:CN|O)=(.*)$/m.exec(signature.subject)?.[1] ?? signature.subject;
  return { at, signer: name, isTrusted: isTrusted(signature, { certificates, roots, at }) };
}

/** The parts of an element that has this tag, when they have those tags. Throws RangeError. */
function shaped(part: Der | undefined, tag: number, tags: readonly number[]): Der[] {
  const parts = part?.tag === tag ? part.children() : [];
  if (parts.length !== tags.length || !tags.every((one, at) => parts[at]?.tag === one))
    throw new RangeError('no such DER');
  return parts;
}

/** The name of an algorithm, which has no parameters; '' for another. */
function algorithmOf(part: Der | undefined): string {
  const [name, parameters, ...more] = part?.tag === 0x30 ? part.children() : [];
  const isPlain = parameters === undefined || parameters.whole.equals(Buffer.of(0x05, 0x00));
  return isPlain && more.length === 0 ? (name?.oid() ?? '') : '';
}

/** The certificate that made the signature; or what is wrong. RFC 5652 5.4, RFC 5035. */
function readSigner(
  parts: readonly Der[],
  info: Buffer,
  certificates: readonly X509Certificate[],
): X509Certificate | string {
  const [version, issuer, digest, attributes, algorithm, signature] = parts;
  const hash = HASHES[algorithmOf(digest)];
  const named = SIGNATURES[algorithmOf(algorithm)];
  if (hash === undefined || named === undefined || attributes === undefined || signature === undefined)
    return 'it is signed in a way that this verifier does not know';
  const values = new Map(
    attributes.children().map((attribute) => {
      const [type, set] = attribute.children();
      return [type?.oid() ?? '', set?.children() ?? []];
    }),
  );
  const only = (type: string): Der | undefined => (values.get(type)?.length === 1 ? values.get(type)?.[0] : undefined);
  if (only(OID.contentType)?.oid() !== OID.tstInfo) return 'what is signed is no time stamp';
  if (only(OID.messageDigest)?.body.equals(createHash(hash).update(info).digest()) !== true)
    return 'its signature is of something else';
  const certificate = certificates.find((one) =>
    isNamed(one, only(OID.signingCertificateV2), only(OID.signingCertificate)),
  );
  if (!certificate) return 'the certificate of its authority is not in it';
  if (version?.body.equals(Buffer.of(1)) !== true || issuer?.body.equals(issuerOf(certificate)) !== true)
    return 'it contradicts itself';
  const signedBytes = Buffer.concat([Buffer.of(0x31), attributes.whole.subarray(1)]);
  return verify(named ?? hash, signedBytes, certificate.publicKey, signature.body)
    ? certificate
    : 'its signature is wrong';
}

/** Issuer and serial number, as a signature names its certificate by. */
function issuerOf(certificate: X509Certificate): Buffer {
  const fields = derOf(certificate.raw).children()[0]?.children() ?? [];
  const [serial, , issuer] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  return Buffer.concat([issuer?.whole ?? Buffer.of(), serial?.whole ?? Buffer.of()]);
}

// ESSCertIDv2 and its forerunner with SHA-1: the signature itself says by which certificate it is.
function isNamed(certificate: X509Certificate, v2: Der | undefined, v1: Der | undefined): boolean {
  const id = (v2 ?? v1)?.children()[0]?.children()[0]?.children() ?? [];
  const isNamedHash = v2 !== undefined && id[0]?.tag === 0x30;
  const hash = v2 === undefined ? 'sha1' : isNamedHash ? HASHES[id[0]?.children()[0]?.oid() ?? ''] : 'sha256';
  const given = id[isNamedHash ? 1 : 0];
  return hash !== undefined && given?.body.equals(createHash(hash).update(certificate.raw).digest()) === true;
}

/** The time in a TSTInfo over this text, in ms since 1970; or what is wrong. RFC 3161 2.4.2. */
function readTime(info: Buffer, text: string): number | string {
  const [, , imprint, , time] = derOf(info).children();
  const [algorithm, given] = imprint?.children() ?? [];
  const hash = HASHES[algorithm?.children()[0]?.oid() ?? ''];
  if (hash === undefined || given?.body.equals(createHash(hash).update(text).digest()) !== true)
    return 'it stamps something else';
  const [, date, clock, fraction = ''] =
    /^(\d{8})(\d{6})(?:\.(\d{1,9}))?Z$/.exec(time?.tag === 0x18 ? time.body.toString('latin1') : '') ?? [];
  if (date === undefined || clock === undefined) return 'its time cannot be read';
  const at = Date.parse(
    `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${clock.replace(/(..)(..)(..)/, '$1:$2:$3')}.${fraction.slice(0, 3).padEnd(3, '0')}Z`,
  );
  return Number.isNaN(at) ? 'its time cannot be read' : at;
}

// RFC 3161 2.3: for time stamps alone, and critically so; and valid when it signed.
function maySign(certificate: X509Certificate, at: number): boolean {
  const tbs = derOf(certificate.raw).children()[0]?.children() ?? [];
  const extensions =
    tbs
      .find((part) => part.tag === 0xa3)
      ?.children()[0]
      ?.children() ?? [];
  const usage = extensions.map((one) => one.children()).find(([type]) => type?.oid() === OID.extendedKeyUsage);
  const isCritical = usage?.length === 3 && usage[1]?.tag === 0x01 && usage[1].body[0] === 0xff;
  const uses = usage?.at(-1)?.body;
  const only = uses ? derOf(uses).children() : [];
  return isCritical && only.length === 1 && only[0]?.oid() === OID.timeStamping && isValidAt(certificate, at);
}

function isValidAt(certificate: X509Certificate, at: number): boolean {
  return Date.parse(certificate.validFrom) <= at && at <= Date.parse(certificate.validTo);
}

function isTrusted(
  signer: X509Certificate,
  {
    certificates,
    roots,
    at,
  }: { certificates: readonly X509Certificate[]; roots: readonly X509Certificate[]; at: number },
): boolean {
  let current = signer;
  for (let depth = 0; depth < 8; depth += 1) {
    if (roots.some((root) => root.raw.equals(current.raw))) return true;
    const root = roots.find((one) => isIssuedBy(current, one, at));
    if (root) return true;
    const next = certificates.find((one) => !one.raw.equals(current.raw) && isIssuedBy(current, one, at));
    if (!next) return false;
    current = next;
  }
  return false;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate, at: number): boolean {
  return issuer.ca && isValidAt(issuer, at) && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** One element of DER: definite lengths only, in their shortest form. Throws RangeError for anything else. */
interface Der {
  readonly tag: number;
  readonly body: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
  children(): Der[];
  /** Of an object identifier, dotted; else ''. */
  oid(): string;
}

function derOf(bytes: Buffer): Der {
  const [first, ...more] = derList(bytes);
  if (first === undefined || more.length > 0) throw new RangeError('not one element of DER');
  return first;
}

function derList(bytes: Buffer): Der[] {
  const found: Der[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes.readUInt8(at + 1);
    const lengthBytes = first < 0x80 ? 0 : first - 0x80;
    if (lengthBytes > 4 || first === 0x80) throw new RangeError('not DER');
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    const start = at + 2 + lengthBytes;
    if (start + length > bytes.length || found.length > 10_000) throw new RangeError('not DER');
    if (lengthBytes > 0 && (length < 0x80 || bytes[at + 2] === 0)) throw new RangeError('not DER');
    const tag = bytes.readUInt8(at);
    const body = bytes.subarray(start, start + length);
    found.push({
      ...{ tag, body, whole: bytes.subarray(at, start + length) },
      children: () => derList(body),
      oid: () => (tag === 0x06 ? oidOf(body) : ''),
    });
    at = start + length;
  }
  return found;
}

function oidOf(body: Buffer): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of body) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}

// ---- JSON, strict: no member twice, whole numbers only, no lone surrogates, no deep nesting

type Json = null | boolean | number | string | Json[] | JsonObject;
// A map has no prototype that a member's name could reach.
type JsonObject = Map<string, Json>;

function parseJson(text: string): Json {
  if (/\p{Surrogate}/u.test(text)) throw new Unreadable('the receipt is not well-formed Unicode');
  const reader = new JsonReader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class JsonReader {
  #at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new Unreadable('the receipt is nested too deeply');
    this.#blanks();
    const first = this.text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"') return this.#string();
    const word = this.#match(/true|false|null|-?(?:0|[1-9][0-9]*)(?![0-9.eE])/y);
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    const number = Number(word);
    if (!Number.isSafeInteger(number) || Object.is(number, -0))
      throw new Unreadable('the receipt holds a number that it must not');
    return number;
  }

  end(): void {
    this.#blanks();
    if (this.#at < this.text.length) throw this.#wrong();
  }

  #object(depth: number): JsonObject {
    const members: JsonObject = new Map();
    this.#list('}', () => {
      const name = this.#string();
      if (members.has(name)) throw new Unreadable(`the receipt holds a member twice: ${shown(name)}`);
      this.#expect(':');
      members.set(name, this.value(depth + 1));
    });
    return members;
  }

  #array(depth: number): Json[] {
    const values: Json[] = [];
    this.#list(']', () => values.push(this.value(depth + 1)));
    return values;
  }

  #list(close: string, readOne: () => void): void {
    this.#at += 1;
    if (this.#skip(close)) return;
    do {
      this.#blanks();
      readOne();
    } while (this.#skip(','));
    this.#expect(close);
  }

  // Finds the end of the string by hand, and leaves its escapes to JSON.parse, which is strict about them.
  #string(): string {
    const start = this.#at;
    if (this.text[start] !== '"') throw this.#wrong();
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    this.#at = end + 1;
    try {
      const value: unknown = JSON.parse(this.text.slice(start, end + 1));
      if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value;
    } catch {
      // Said below.
    }
    throw this.#wrong();
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [word] = pattern.exec(this.text) ?? [];
    if (word === undefined) throw this.#wrong();
    this.#at += word.length;
    return word;
  }

  #skip(mark: string): boolean {
    this.#blanks();
    if (this.text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#skip(mark)) throw this.#wrong();
  }

  #blanks(): void {
    while (' \n\r\t'.includes(this.text[this.#at] ?? '.')) this.#at += 1;
  }

  #wrong(): Unreadable {
    return new Unreadable(`the receipt is not JSON at character ${this.#at}`);
  }
}

// RFC 8785 for what parseJson lets in: sort() compares UTF-16 code units, and whole numbers print as themselves.
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const names = [...value.keys()].sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value.get(name) ?? null)}`).join(',')}}`;
}

function asObject(value: Json | undefined, what: string): JsonObject {
  if (!(value instanceof Map)) throw new Unreadable(`${what} is missing or is no object`);
  return value;
}

function asArray(value: Json | undefined, what: string, most: number): Json[] {
  if (!Array.isArray(value) || value.length > most) throw new Unreadable(`${what} is missing, no list, or too long`);
  return value;
}

function asString(value: Json | undefined, what: string): string {
  if (typeof value !== 'string') throw new Unreadable(`${what} is missing or is no text`);
  return value;
}

function member(record: JsonObject, part: string, name: string): Json | undefined {
  const value = record.get(part);
  return value instanceof Map ? value.get(name) : undefined;
}

// ---- Bytes

function sha256(...parts: readonly (Buffer | string)[]): Buffer {
  return parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
}

function leafHash(data: Buffer): Buffer {
  return sha256(Buffer.of(0), data);
}

function hmac(key: Buffer, tag: string, message: string): Buffer {
  return createHmac('sha256', key).update(`${tag}\0${message}`).digest();
}

// Node's decoders are lenient; only the one spelling counts.
function base64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

function base64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

function decimal(text: string): number | null {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : null;
}

/** Milliseconds since 1970, or null unless spelled `YYYY-MM-DDTHH:MM:SS.sssZ`. */
function timeOf(text: string): number | null {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) || new Date(time).toISOString() !== text ? null : time;
}

/** Its parts, for those who hold them against published vectors. */
export const parts = { canonical, parseJson, openCheckpoint, parseProof, parseVkey, verifyEd25519, walkPath, hmac };

const [, script] = process.argv;
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  process.exitCode = await main(process.argv.slice(2));
}

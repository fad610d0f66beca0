import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Tests that need openssl: skipped with a notice where there is none, failed in CI. */
export function describeWithOpenssl(title: string, tests: () => void): void {
  const isThere = spawnSync('openssl', ['version']).status === 0;
  if (!isThere) console.warn(`      skipped, no openssl: ${title}`);
  if (isThere || process.env['CI'] !== undefined) describe(title, tests);
  else describe.skip(title, tests);
}

/** A time-stamp authority made of Debian's openssl: a root, and a certificate of its own for each way to be wrong. */
export interface Authority {
  readonly dir: string;
  /** PEM of the root. */
  readonly rootFile: string;
  readonly root: string;
  /** A server certificate that no system trusts. */
  readonly tlsKey: string;
  readonly tlsCert: string;
  /** DER of a TimeStampResp for a DER TimeStampReq. */
  reply(query: Buffer, certificate?: CertificateKind): Promise<Buffer>;
  drop(): Promise<void>;
}

/** `good`, `ec` and `below` (an authority of its own in between) hold; the others name what is wrong with them. */
export type CertificateKind =
  'good' | 'ec' | 'below' | 'no-eku' | 'not-critical' | 'two-uses' | 'ended' | 'issued-by-no-authority';

const STAMPING = 'extendedKeyUsage = critical, timeStamping';
const USES: Record<CertificateKind, string> = {
  good: STAMPING,
  ec: STAMPING,
  below: STAMPING,
  ended: STAMPING,
  'issued-by-no-authority': STAMPING,
  'no-eku': 'keyUsage = digitalSignature',
  'not-critical': 'extendedKeyUsage = timeStamping',
  'two-uses': 'extendedKeyUsage = critical, timeStamping, emailProtection',
};
const ISSUERS: Partial<Record<CertificateKind, string>> = { below: 'middle', 'issued-by-no-authority': 'tls' };

const KEYS: Partial<Record<CertificateKind, string[]>> = {
  ec: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
};
const RSA = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];

/** Makes the root, in a folder that `drop` takes away; certificates when they are needed. */
export async function makeAuthority(): Promise<Authority> {
  const dir = await mkdtemp(join(tmpdir(), 'zgoda-tsa-'));
  const at = (name: string): string => join(dir, name);
  await run('openssl', ['genpkey', ...RSA, '-out', at('root.key')]);
  await run('openssl', [
    ...['req', '-x509', '-new', '-key', at('root.key'), '-out', at('root.pem'), '-days', '30'],
    ...['-subj', '/O=Test/CN=Root of the time', '-addext', 'basicConstraints=critical,CA:true'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  await issue(at, 'tls', { extensions: 'subjectAltName = DNS:localhost' });
  await issue(at, 'middle', { extensions: 'basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign' });
  const made = new Map<string, Promise<void>>();
  const root = await readFile(at('root.pem'), 'utf8');
  return {
    dir,
    rootFile: at('root.pem'),
    root,
    tlsKey: await readFile(at('tls.key'), 'utf8'),
    tlsCert: await readFile(at('tls.pem'), 'utf8'),
    reply: async (query, kind = 'good') => {
      const ready =
        made.get(kind) ?? issue(at, kind, { extensions: USES[kind], algorithm: KEYS[kind], issuer: ISSUERS[kind] });
      made.set(kind, ready);
      await ready;
      return stamp(at, kind, query);
    },
    drop: async () => rm(dir, { recursive: true, force: true }),
  };
}

/** Serves what `respond` says; the default stamps. `requests` counts. */
export async function serveAuthority(
  authority: Authority,
  respond: (query: Buffer, res: ServerResponse) => Promise<void> = async (query, res) =>
    sendReply(res, await authority.reply(query)),
): Promise<{ url: string; requests: () => number; stop: () => void }> {
  let requests = 0;
  const server = createServer((req, res) => {
    requests += 1;
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      respond(Buffer.concat(chunks), res).catch((error: unknown) => {
        res.writeHead(500).end(String(error));
      });
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsa`,
    requests: () => requests,
    stop: () => server.close().closeAllConnections(),
  };
}

/** Answers with a TimeStampResp. */
export function sendReply(res: ServerResponse, reply: Buffer): void {
  res.writeHead(200, { 'Content-Type': 'application/timestamp-reply' }).end(reply);
}

interface Certified {
  readonly extensions: string;
  readonly algorithm?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
}

async function issue(at: (name: string) => string, name: string, certified: Certified): Promise<void> {
  const { extensions, algorithm = RSA, issuer = 'root' } = certified;
  await run('openssl', ['genpkey', ...algorithm, '-out', at(`${name}.key`)]);
  const subject = ['-subj', `/CN=TSA ${name}`];
  await run('openssl', ['req', '-new', '-key', at(`${name}.key`), '-out', at(`${name}.csr`), ...subject]);
  await writeFile(at(`${name}.ext`), `${extensions}\n`);
  await writeFile(
    at(`${name}.chain`),
    (await readFile(at(`${issuer}.pem`), 'utf8')) + (await readFile(at('root.pem'), 'utf8')),
  );
  if (name === 'ended') await issueInThePast(at, name);
  else
    await run('openssl', [
      ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', at(`${issuer}.pem`), '-CAkey', at(`${issuer}.key`)],
      ...['-CAcreateserial', '-out', at(`${name}.pem`), '-days', '30', '-extfile', at(`${name}.ext`)],
    ]);
}

async function issueInThePast(at: (name: string) => string, name: string): Promise<void> {
  await writeFile(at('index'), '');
  await writeFile(
    at('ca.cnf'),
    `[ca]\ndefault_ca = c\n[c]\nnew_certs_dir = ${at('.')}\ndatabase = ${at('index')}\nrand_serial = yes\n` +
      `default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n`,
  );
  await run('openssl', [
    ...['ca', '-batch', '-notext', '-config', at('ca.cnf'), '-cert', at('root.pem'), '-keyfile', at('root.key')],
    ...['-in', at(`${name}.csr`), '-out', at(`${name}.pem`), '-extfile', at(`${name}.ext`)],
    ...['-startdate', '20250101000000Z', '-enddate', '20250201000000Z'],
  ]);
}

let stamps = 0;

async function stamp(at: (name: string) => string, kind: CertificateKind, query: Buffer): Promise<Buffer> {
  stamps += 1;
  const [ask, answer, config] = [`${stamps}.tsq`, `${stamps}.tsr`, `${stamps}.cnf`].map(at) as [string, string, string];
  const signer = isForStamping(kind) ? kind : 'good';
  await writeFile(ask, query);
  await writeFile(
    config,
    `[tsa]\ndefault_tsa = t\n[t]\nserial = ${at('serial')}\ndefault_policy = 1.2.3.4.1\ndigests = sha256, sha512\n` +
      `signer_digest = sha256\ness_cert_id_alg = sha256\naccuracy = secs:1\ntsa_name = yes\n`,
  );
  await run('openssl', [
    ...['ts', '-reply', '-config', config, '-section', 't', '-queryfile', ask, '-out', answer],
    ...['-signer', at(`${signer}.pem`), '-inkey', at(`${signer}.key`), '-chain', at(`${signer}.chain`)],
  ]);
  return signer === kind ? readFile(answer) : signAnew(at, kind, answer);
}

function isForStamping(kind: CertificateKind): boolean {
  return USES[kind] === STAMPING;
}

// openssl does not stamp with a certificate that is not for stamping alone: whoever wants to cheat signs what it stamped himself.
async function signAnew(at: (name: string) => string, kind: CertificateKind, answer: string): Promise<Buffer> {
  const [token, content, signed] = ['token', 'content', 'signed'].map((end) => `${answer}.${end}`) as [
    string,
    string,
    string,
  ];
  await run('openssl', ['ts', '-reply', '-in', answer, '-token_out', '-out', token]);
  await run('openssl', ['cms', '-verify', '-noverify', '-inform', 'DER', '-in', token, '-out', content]);
  await run('openssl', [
    ...['cms', '-sign', '-binary', '-nodetach', '-cades', '-md', 'sha256', '-econtent_type', 'id-smime-ct-TSTInfo'],
    ...['-in', content, '-signer', at(`${kind}.pem`), '-inkey', at(`${kind}.key`), '-certfile', at('root.pem')],
    ...['-outform', 'DER', '-out', signed],
  ]);
  return granted(await readFile(signed));
}

/** A TimeStampResp that grants this token. */
export function granted(token: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from('3003020100', 'hex'), token]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([Buffer.from([0x30, 0x82]), length, body]);
}

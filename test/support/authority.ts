import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A time-stamp authority (RFC 3161) of Debian's openssl, with a certificate authority above it. */
export interface Authority {
  /** The certificate above, PEM. */
  readonly root: string;
  /** A token over SHA-256 of a text, DER. */
  token(text: string): Buffer;
  /** The whole answer to a query, DER to DER: what an authority sends. */
  reply(query: Buffer): Buffer;
  close(): void;
}

export interface AuthorityOptions {
  readonly name?: string;
  /** Of the certificate that signs, where it is to be another than RFC 3161 wants: openssl would refuse to use such a one for time stamps. */
  readonly usage?: string;
  readonly key?: 'rsa' | 'ec';
}

/** null where there is no openssl; in CI that is an error. */
export function makeAuthority(options: AuthorityOptions = {}): Authority | null {
  const { name = 'Example Time', usage, key = 'rsa' } = options;
  const folder = mkdtempSync(join(tmpdir(), 'zgoda-authority-'));
  const run = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = key === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', 'rsa:2048'];
  try {
    writeFileSync(join(folder, 'ts.cnf'), CONFIG);
    run(
      ...['req', '-x509', ...newKey, '-nodes', '-keyout', 'root.key', '-out', 'root.pem', '-days', '30'],
      ...['-subj', `/CN=${name} Root`],
    );
    const certify = (file: string, use: string): void => {
      writeFileSync(join(folder, 'leaf.cnf'), `extendedKeyUsage=${use}\nkeyUsage=critical,digitalSignature\n`);
      run('req', ...newKey, '-nodes', '-keyout', `${file}.key`, '-out', `${file}.csr`, '-subj', `/CN=${name}`);
      run(
        ...['x509', '-req', '-in', `${file}.csr`, '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial'],
        ...['-out', `${file}.pem`, '-days', '20', '-extfile', 'leaf.cnf'],
      );
    };
    certify('tsa', 'critical,timeStamping');
    if (usage !== undefined) certify('odd', usage);
  } catch (error) {
    rmSync(folder, { recursive: true });
    if (process.env['CI'] || (error as { code?: string }).code !== 'ENOENT') throw error;
    return null;
  }
  const reply = (query: Buffer): Buffer => {
    writeFileSync(join(folder, 'query.tsq'), query);
    run('ts', '-reply', '-config', 'ts.cnf', '-queryfile', 'query.tsq', '-out', 'reply.tsr');
    return readFileSync(join(folder, 'reply.tsr'));
  };
  return {
    root: readFileSync(join(folder, 'root.pem'), 'utf8'),
    reply,
    token: (text) => {
      writeFileSync(join(folder, 'text'), text);
      run('ts', '-query', '-data', 'text', '-sha256', '-cert', '-out', 'made.tsq');
      reply(readFileSync(join(folder, 'made.tsq')));
      run('ts', '-reply', '-in', 'reply.tsr', '-token_out', '-out', 'token.der');
      if (usage !== undefined) {
        run('cms', '-verify', '-noverify', '-inform', 'DER', '-in', 'token.der', '-out', 'info.der');
        run(
          ...['cms', '-sign', '-binary', '-nodetach', '-econtent_type', '1.2.840.113549.1.9.16.1.4', '-in', 'info.der'],
          ...[
            '-signer',
            'odd.pem',
            '-inkey',
            'odd.key',
            '-cades',
            '-md',
            'sha256',
            '-outform',
            'DER',
            '-out',
            'token.der',
          ],
        );
      }
      return readFileSync(join(folder, 'token.der'));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const CONFIG = `
[tsa]
default_tsa = one
[one]
serial = ./serial
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`;

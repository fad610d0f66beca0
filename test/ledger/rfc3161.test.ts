import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Malformed } from '../../server/ledger/malformed.js';
import { nonceFrom, openTimeStampReply, timeStampQuery } from '../../server/ledger/rfc3161.js';
import { readRoots, verifyTimeStamp, type TimeStamp, type TrustedRoot } from '../../server/ledger/rfc3161-token.js';
import {
  describeWithOpenssl,
  granted,
  makeAuthority,
  type Authority,
  type CertificateKind,
} from '../support/stamping.js';

const run = promisify(execFile);
const note = 'log.example.org\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n— log.example.org xxxx\n';
const nonce = nonceFrom(randomBytes(8));

describeWithOpenssl('a time stamp', () => {
  let authority: Authority;
  let roots: readonly TrustedRoot[];
  let good: Buffer;
  before(async () => {
    authority = await makeAuthority();
    roots = readRoots(authority.root);
    good = await authority.reply(timeStampQuery(note, nonce));
  });
  after(async () => authority.drop());

  const opened = async (reply: Buffer, more: Partial<Parameters<typeof openTimeStampReply>[1]> = {}) =>
    openTimeStampReply(reply, { note, nonce, roots, now: new Date(), ...more });

  it('is asked for in words that openssl understands', async () => {
    const file = join(authority.dir, 'query');
    await writeFile(file, timeStampQuery(note, nonce));

    const { stdout } = await run('openssl', ['ts', '-query', '-in', file, '-text']);

    expect(stdout).to.contain('Hash Algorithm: sha256').and.contain('Certificate required: yes');
    expect(stdout.toLowerCase()).to.contain(`nonce: 0x${nonce.toString('hex')}`);
  });

  for (const [kind, what] of [
    ['good', 'with an RSA key'],
    ['ec', 'with an elliptic key'],
    ['below', 'below another one'],
  ] as const) {
    it(`of an authority ${what} is verified, by openssl too`, async () => {
      const reply = await authority.reply(timeStampQuery(note, nonce), kind);

      const { token, at } = await opened(reply);

      expect(Math.abs(at.getTime() - Date.now())).to.be.lessThan(10_000);
      const [data, file] = [join(authority.dir, 'note'), join(authority.dir, 'token')];
      await writeFile(data, note);
      await writeFile(file, token);
      const verify = ['ts', '-verify', '-data', data, '-in', file, '-token_in', '-CAfile', authority.rootFile];
      expect((await run('openssl', verify)).stdout).to.contain('Verification: OK');
    });
  }

  it('is kept as it came, and verifies again later by itself', async () => {
    const { token, at } = await opened(good);

    expect(good.includes(token)).to.be.true;
    expect((await verifyTimeStamp(token, note, roots)).at).to.deep.equal(at);
  });

  for (const [what, make, why] of [
    ['of another text', async () => opened(good, { note: `${note} ` }), /imprint/],
    ['with another nonce', async () => opened(good, { nonce: nonceFrom(randomBytes(8)) }), /nonce/],
    ['without a nonce', async () => opened(await authority.reply(await queryWithoutNonce())), /nonce/],
    ['from another time than ours', async () => opened(good, { now: new Date(Date.now() + 3_600_000) }), /ten minutes/],
    ['that leads to no root', async () => opened(good, { roots: [] }), /does not lead/],
    ['that is no token', async () => opened(granted(Buffer.from('3000', 'hex'))), /no time-stamp/],
    [
      'in an HTML page',
      async () => opened(Buffer.from('<!doctype html><title>Sorry</title>')),
      /no time-stamp response/,
    ],
    ['in nothing', async () => opened(Buffer.alloc(0)), /no time-stamp response/],
    ['with something behind it', async () => opened(Buffer.concat([good, Buffer.from([0])])), /no time-stamp response/],
    ['that is refused', async () => opened(Buffer.from('30053003020102', 'hex')), /refuses \(status 2\)/],
  ] as readonly [string, () => Promise<TimeStamp>, RegExp][]) {
    it(`${what} is refused`, async () => {
      expect(await faultOf(make())).to.match(why);
    });
  }

  it('is refused when its root is another of the same name', async () => {
    const impostor = await makeAuthority();

    const fault = await faultOf(opened(await impostor.reply(timeStampQuery(note, nonce))));

    expect(fault).to.match(/does not lead/);
    await impostor.drop();
  });

  for (const kind of ['ended', 'issued-by-no-authority'] as const) {
    it(`is refused when its certificate is ${kind.replaceAll('-', ' ')}`, async () => {
      expect(await faultOf(opened(await authority.reply(timeStampQuery(note, nonce), kind)))).to.match(/does not lead/);
    });
  }

  for (const kind of ['no-eku', 'not-critical', 'two-uses'] as const satisfies readonly CertificateKind[]) {
    it(`is refused by a certificate with ${kind}`, async () => {
      const reply = await authority.reply(timeStampQuery(note, nonce), kind);

      expect(await faultOf(opened(reply))).to.match(/not for time stamps alone/);
    });
  }

  it('is refused with any byte changed, or says the same', async () => {
    const { at, token } = await opened(good);
    const outcomes = { refused: 0, same: 0 };

    for (let place = 0; place < token.length; place += 7) {
      const bent = Buffer.from(token);
      bent[place] = (bent[place] ?? 0) ^ (1 + (place % 255));
      const result = await verifyTimeStamp(bent, note, roots).catch((error: unknown) => error);
      if (result instanceof Malformed) outcomes.refused += 1;
      else {
        // What is not signed may differ, such as the copy of the root that came along.
        expect(result, `byte ${place}`).to.not.be.instanceOf(Error);
        expect((result as TimeStamp).at, `byte ${place}`).to.deep.equal(at);
        outcomes.same += 1;
      }
    }

    expect(outcomes.refused).to.be.greaterThan(token.length / 7 / 3);
  });

  it('needs roots that can be read', () => {
    for (const pem of ['', 'nothing', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])
      expect(() => readRoots(pem), pem).to.throw(Malformed);
    expect(readRoots(`# a comment\n${authority.root}\n${authority.root}`)).to.have.length(2);
  });

  async function queryWithoutNonce(): Promise<Buffer> {
    const [data, file] = [join(authority.dir, 'data'), join(authority.dir, 'bare')];
    await writeFile(data, note);
    await run('openssl', ['ts', '-query', '-data', data, '-sha256', '-cert', '-no_nonce', '-out', file]);
    return readFile(file);
  }
});

async function faultOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing is wrong',
    (error: unknown) => (error instanceof Malformed ? error.message : `a bug: ${String(error)}`),
  );
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkDkim, LATER } from '../../server/delivery/check-dkim.js';
import { makeLookup, type Lookup } from '../../server/delivery/dns.js';
import type { DkimEvidence } from '../../server/ledger/evidence.js';
import { NotCounted } from '../../server/mail/dkim-signature.js';
import { startDns, type TestDns } from '../support/dns.js';
import { itWithShared } from '../support/shared.js';

const NOW = new Date('2026-11-26T12:00:00Z');

interface Vectors {
  readonly rfc6376_appendix_A: { message_crlf: string; dns_name: string; dns_txt: string };
  readonly rfc8463_appendix_A: {
    message_crlf: string;
    ed25519_dns_name: string;
    ed25519_dns_txt: string;
    rsa_dns_name: string;
    rsa_dns_txt: string;
  };
}

describe('the signature of an answer', () => {
  let dns: TestDns;
  let lookup: Lookup;
  before(async () => {
    dns = await startDns();
    lookup = makeLookup(dns.server);
  });
  beforeEach(() => {
    dns.records.clear();
    dns.refuses = false;
  });
  after(async () => dns.stop());

  /** Of a mail whose From is of that domain; line ends as SMTP brings them. */
  async function check(text: string, fromDomain: string): Promise<DkimEvidence | NotCounted | typeof LATER> {
    const raw = Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1');
    return checkDkim({ raw, fromDomain, signed: ['from'], lookup, now: NOW });
  }

  async function accepts(text: string, fromDomain: string, wanted: Partial<DkimEvidence> = {}): Promise<void> {
    const answer = await check(text, fromDomain);
    expect(answer, JSON.stringify(answer)).to.include({ key_seen_by: 'operator', ...wanted });
  }

  async function refuses(text: string, fromDomain: string, why = /./): Promise<void> {
    const answer = await check(text, fromDomain);
    expect(answer, JSON.stringify(answer)).to.be.instanceOf(NotCounted).with.property('why').that.matches(why);
  }

  describe('of the RFCs', () => {
    const ours = ['vectors', 'vectors.json'];
    const read = (path: string) => (JSON.parse(readFileSync(path, 'utf8')) as { dkim: Vectors }).dkim;

    itWithShared('verifies as RFC 6376 A prints it, for a name below the domain that signs', ours, async (path) => {
      const { message_crlf: mail, dns_name: name, dns_txt: key } = read(path).rfc6376_appendix_A;
      dns.records.set(name, [key]);

      await accepts(mail, 'football.example.com', { domain: 'example.com', key_bits: 1024, key_strength: 'weak' });
      await refuses(mail.replace('hungry', 'thirsty'), 'football.example.com', /does not verify/);
      await refuses(mail, 'example.org', /not of the domain/);
    });

    itWithShared('verifies as RFC 8463 A prints it, with either key', ours, async (path) => {
      const vector = read(path).rfc8463_appendix_A;
      dns.records.set(vector.ed25519_dns_name, [vector.ed25519_dns_txt]);
      await accepts(vector.message_crlf, 'football.example.com', { algorithm: 'ed25519-sha256', key_strength: 'full' });

      dns.records.clear();
      dns.records.set(vector.rsa_dns_name, [vector.rsa_dns_txt]);
      await accepts(vector.message_crlf, 'football.example.com', { algorithm: 'rsa-sha256', key_strength: 'weak' });
    });

    itWithShared('waits while the DNS is away, and not when there is no such name', ours, async (path) => {
      const { message_crlf: mail } = read(path).rfc6376_appendix_A;
      await refuses(mail, 'football.example.com', /no key/);

      dns.refuses = true;
      expect(await check(mail, 'football.example.com')).to.equal(LATER);
    });
  });

  describe('of mails that others test with', () => {
    const corpus = (...parts: string[]) => ['corpus', 'dkim', ...parts];
    const text = (folder: string, name: string) => readFileSync(join(folder, name), 'latin1');

    itWithShared('verifies where MimeKit says so', corpus('jstedfast+MimeKit'), async (folder) => {
      const pem = text(folder, 'gmail.pub').replace(/-----[A-Z ]+-----|\s/g, '');
      dns.records.set('20120113._domainkey.gmail.com', [`k=rsa; p=${pem}`]);

      await accepts(text(folder, 'gmail.msg'), 'gmail.com', { key_bits: 2048, key_strength: 'full' });
    });

    itWithShared('verifies where mail-auth says so', corpus('stalwartlabs+mail-auth', 'dkim'), async (folder) => {
      for (const [file, domain] of [
        ['001.txt', 'football.example.com'],
        ['002.txt', 'football.example.com'],
        ['003.txt', 'ietf.org'],
        ['006.txt', 'github.com'],
      ] as const) {
        const [head = '', mail = ''] = text(folder, file).split(/\r?\n\r?\n(.*)/s);
        for (const line of head.split(/\r?\n/)) dns.records.set(line.split(' ')[0] ?? '', [line.replace(/^\S+ /, '')]);
        await accepts(mail, domain);
      }
    });

    itWithShared('verifies under the good keys of dkimpy, and under none of its others', corpus(), async (folder) => {
      const mail = text(folder, 'jstedfast+MimeKit/rfc8463-example.msg');
      const name = 'test._domainkey.football.example.com';
      const key = (file: string) => text(join(folder, 'debian+dkimpy_1.1.8'), file).trim();
      for (const good of ['test.txt', 'test2.txt']) {
        dns.records.set(name, [key(good)]);
        await accepts(mail, 'football.example.com', { algorithm: 'rsa-sha256', selector: 'test' });
      }

      for (const other of ['badk.txt', 'badversion.txt', 'test_bad.txt', 'test_tlsrpt.txt']) {
        dns.records.set(name, [key(other)]);
        await refuses(mail, 'football.example.com');
      }
      dns.records.set(name, [key('test.txt'), key('test2.txt')]);
      await refuses(mail, 'football.example.com', /several keys/);
    });

    itWithShared(
      'never verifies where Mail::DKIM says that it does not',
      corpus('fastmail+mail-dkim'),
      async (folder) => {
        const records = [...text(folder, 'FAKE_DNS.dat').matchAll(/^(\S+)[ \t]+([^\s~#].*)$/gm)];
        for (const [, name = '', record = ''] of records) if (record !== 'NXDOMAIN') dns.records.set(name, [record]);
        const expected = new Map(
          text(join(folder, '..'), 'INDEX.tsv')
            .split('\n')
            .map((line) => line.split('\t'))
            .map(([path = '', , , , , , , , exercises = '', result = '']) => [path, { exercises, result }]),
        );
        const accepted: string[] = [];

        for (const file of readdirSync(join(folder, 'corpus'))) {
          const mail = text(join(folder, 'corpus'), file);
          const domain = /^dkim-signature:.*?\bd=\s*([\w.-]+)/ims.exec(mail)?.[1] ?? 'messiah.edu';
          const answer = await check(mail, domain);
          if (answer === LATER || answer instanceof NotCounted) continue;
          accepted.push(file);
          expect(expected.get(`fastmail+mail-dkim/corpus/${file}`)?.result, file).to.match(/pass/);
        }
        // All others that pass there are of SHA-1, of keys under 1024 bits or of domains that only test, none of which counts here.
        expect(accepted).to.deep.equal([]);
      },
    );
  });
});

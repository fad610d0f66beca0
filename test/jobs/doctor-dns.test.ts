import { expect } from 'chai';
import { forgetCatalogue } from '../../server/consent/catalogue.js';
import { setup } from '../../server/consent/setup.js';
import { addDomain } from '../../server/delivery/change-domains.js';
import { organisationById, catalogue } from '../../server/consent/catalogue.js';
import { senderFindings } from '../../server/jobs/doctor-sender.js';
import { doctor, type DoctorReport } from '../../server/jobs/doctor.js';
import { DEMO } from '../../server/tour/demo.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { startDns, type TestDns } from '../support/dns.js';
import { startSink } from '../support/sink.js';

const IP = '192.0.2.25';

describe('the doctor and the DNS (M-40)', function () {
  this.timeout(20_000);
  let home: TestContext;
  let dns: TestDns;

  before(async () => {
    [home, dns] = [await makeTestContext(), await startDns()];
    await setup(home.ctx, { ...DEMO, organisation: { ...DEMO.organisation, inboundDomain: 'in.bookshop.example' } });
    forgetCatalogue(home.ctx);
  });
  beforeEach(() => {
    for (const map of [dns.records, dns.mx, dns.addresses, dns.names]) map.clear();
    dns.refuses = false;
  });
  after(async () => {
    await home.drop();
    await dns.stop();
  });

  const ask = async (sendingIps: readonly string[] = [IP]): Promise<DoctorReport> =>
    doctor(home.ctx, { resolver: dns.server, sendingIps });
  const said = ({ dns: all }: DoctorReport) =>
    Object.fromEntries(all.map((one) => [`${one.name} ${one.type}`, one.verdict]));
  const verdictOf = async (name: string): Promise<string> => {
    const found = (await ask()).dns.find((one) => `${one.name} ${one.type}` === name);
    return `${found?.verdict ?? 'none'}: ${found?.words ?? ''}`;
  };
  /** Publishes what the doctor says, and what belongs to it. */
  const obey = (report: DoctorReport): void => {
    for (const { name, type, text } of report.dns) if (type === 'TXT') dns.records.set(name, [text]);
    dns.mx.set('in.bookshop.example', ['mx.bookshop.example']);
    dns.addresses.set('mx.bookshop.example', ['192.0.2.26']);
    dns.names.set('25.2.0.192.in-addr.arpa', ['out.bookshop.example']);
    dns.addresses.set('out.bookshop.example', [IP]);
  };

  it('says which records are missing, each with the way out', async () => {
    const report = await ask();

    expect(said(report)).to.deep.equal({
      'zgoda1._domainkey.bookshop.example TXT': 'missing',
      'zgoda1e._domainkey.bookshop.example TXT': 'missing',
      'bookshop.example TXT': 'missing',
      '_dmarc.bookshop.example TXT': 'missing',
      'in.bookshop.example TXT': 'missing',
      'in.bookshop.example MX': 'missing',
      [`${IP} PTR`]: 'missing',
    });
    expect(report.healthy).to.be.false;
    for (const { words } of report.dns) expect(words).to.match(/[:.]/);
    expect(report.text).to.contain('MISSING    zgoda1._domainkey.bookshop.example  TXT  "v=DKIM1; k=rsa; p=');
    for (const [piece = ''] of report.text.matchAll(/"[^"]*"/g)) expect(piece.length).to.be.at.most(257);
  });

  it('finds nothing to complain about once they are published as it says', async () => {
    obey(await ask());

    const report = await ask();

    expect(new Set(Object.values(said(report))), report.text).to.deep.equal(new Set(['ok']));
    expect(report.dns.find(({ name }) => name === 'bookshop.example')?.words).to.equal(`It lets ${IP} send.`);
  });

  it('names what is wrong with a record that is there', async () => {
    const wrong: readonly (readonly [name: string, change: () => void, says: RegExp])[] = [
      [
        'zgoda1e._domainkey.bookshop.example TXT',
        () => put('zgoda1e._domainkey.bookshop.example', 'v=DKIM1; k=ed25519; p=AAAA'),
        /wrong: Another key/,
      ],
      [
        'zgoda1._domainkey.bookshop.example TXT',
        () => put('zgoda1._domainkey.bookshop.example', 'p=a', 'p=b'),
        /wrong: 2 keys/,
      ],
      [
        'bookshop.example TXT',
        () => put('bookshop.example', 'v=spf1 ip4:192.0.2.99 -all'),
        /wrong: It does not let 192.0.2.25 send \(fail\)/,
      ],
      ['bookshop.example TXT', () => put('bookshop.example', 'v=spf1 +all'), /wrong: "\+all"/],
      ['bookshop.example TXT', () => put('bookshop.example', 'v=spf1 -all', 'v=spf1 a -all'), /wrong: 2 SPF/],
      [
        'bookshop.example TXT',
        () => put('bookshop.example', 'v=spf1 include:nowhere.example -all'),
        /wrong: Receivers cannot/,
      ],
      [
        '_dmarc.bookshop.example TXT',
        () => put('_dmarc.bookshop.example', 'v=DMARC1; p=maybe'),
        /wrong: The policy "maybe"/,
      ],
      [
        'in.bookshop.example MX',
        () => dns.mx.set('in.bookshop.example', ['']),
        /wrong: The record says that the domain takes no mail/,
      ],
      [
        'in.bookshop.example MX',
        () => dns.mx.set('in.bookshop.example', ['gone.example']),
        /wrong: gone.example has no address/,
      ],
      [
        `${IP} PTR`,
        () => dns.names.set('25.2.0.192.in-addr.arpa', ['elsewhere.example']),
        /wrong: 192.0.2.25 is elsewhere.example, which does not lead back/,
      ],
    ];
    const put = (name: string, ...texts: string[]) => dns.records.set(name, texts);
    const good = await ask();

    for (const [name, change, says] of wrong) {
      obey(good);
      change();
      expect(await verdictOf(name)).to.match(says);
    }
  });

  it('takes a DMARC record without pct, one that only watches, and that of the domain above', async () => {
    const name = '_dmarc.bookshop.example TXT';

    dns.records.set('_dmarc.bookshop.example', ['v=DMARC1; p=reject; np=reject; t=y']);
    expect(await verdictOf(name)).to.equal('ok: There is a DMARC record (p=reject).');
    dns.records.set('_dmarc.bookshop.example', ['v=DMARC1; p=none']);
    expect(await verdictOf(name)).to.match(/^ok: .*only watches/);
    dns.records.set('_dmarc.bookshop.example', ['something else']);
    expect(await verdictOf(name)).to.match(/^missing/);
  });

  it('says that the DNS does not answer, rather than that all is missing', async () => {
    dns.refuses = true;

    const report = await ask();

    expect(new Set(Object.values(said(report)))).to.deep.equal(new Set(['unknown']));
    expect(report.healthy).to.be.false;
  });

  it('asks nobody about names that are reserved for examples, unless it is told whom', async () => {
    const report = await doctor(home.ctx);

    expect(new Set(Object.values(said(report)))).to.deep.equal(new Set(['unchecked']));
    expect(report.dns.at(-1)).to.include({ type: 'PTR', name: '<address of the sending server>' });
  });

  it('tells the records of a further domain before it may send', async () => {
    const [one] = (await catalogue(home.ctx)).organisations;
    await addDomain(home.ctx, await organisationById(home.ctx, one?.id ?? ''), 'news.example');

    const report = await ask();

    expect(said(report)).to.include({
      'zgoda1._domainkey.news.example TXT': 'waiting',
      '_dmarc.news.example TXT': 'missing',
    });
  });

  it('says whether the way out is open and encrypted', async () => {
    const sink = await startSink();
    const withUrl = (smtpUrl: string | null) => ({ ...home.ctx, config: { ...home.ctx.config, smtpUrl } });
    const [own] = await senderFindings(withUrl(null));
    const [near] = await senderFindings(withUrl(sink.url));
    const both = await senderFindings(withUrl(`smtp://127.0.0.1:9 ${sink.url}`));
    await sink.stop();
    const [gone] = await senderFindings(withUrl(sink.url));

    expect(own).to.include({ ok: true, words: 'no SMTP_URL: the built-in mailbox takes all mail' });
    expect(near).to.include({ ok: true, words: 'the server behind SMTP_URL answers, on this machine' });
    expect(both.map(({ name, ok }) => [name, ok])).to.deep.equal([
      ['mail: 127.0.0.1:9', false],
      [`mail: 127.0.0.1:${sink.port}`, true],
    ]);
    expect(gone).to.have.property('ok', false);
    expect(gone?.words).to.match(/^the server behind SMTP_URL cannot be used, and mail waits: ./);
  });

  it('signs a sample, and has another program verify it', async () => {
    const { checks } = await ask();

    expect(checks.find(({ name }) => name === 'signature: demo')).to.deep.equal({
      name: 'signature: demo',
      ok: true,
      words: 'rsa-sha256 and ed25519-sha256 verify on a sample, and no header that counts can be added or changed',
    });
  });
});

import { expect } from 'chai';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { createTransport } from 'nodemailer';
import { catalogue, type OrganisationFacts } from '../../server/consent/catalogue.js';
import type { Context } from '../../server/context.js';
import { addDomain, removeDomain } from '../../server/delivery/change-domains.js';
import { dkimKeysOf, type DkimKeyFacts, type KeyOwner } from '../../server/delivery/dkim-keys.js';
import { makeLookup } from '../../server/delivery/dns.js';
import { lookForAll } from '../../server/delivery/look-for-keys.js';
import { destroyedKeys, destroyFormerKeys } from '../../server/delivery/destroy-dkim-keys.js';
import { OVERLAP_DAYS, rotateDkim, useKey } from '../../server/delivery/rotate-dkim.js';
import { sendingDomains } from '../../server/delivery/sending-domains.js';
import { forgetSigners, signersOf, signMail } from '../../server/delivery/signing.js';
import { dkimRecord } from '../../server/mail/dkim-record.js';
import type { HeaderField } from '../../server/mail/headers.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { askDkimpy, hasDkimpy } from '../support/dkimpy.js';
import { startDns, type TestDns } from '../support/dns.js';
import { hasPostfix, startPostfix } from '../support/postfix.js';
import { eventually } from '../support/service.js';
import { startSink } from '../support/sink.js';

const MAIL = {
  headers: [
    ['From', ' Shop <letters@bookshop.example>'],
    ['To', ' ada@example.com'],
    ['Subject', ' Three  books'],
    ['Date', ' Mon, 30 Nov 2026 01:02:03 +0000'],
    ['Message-ID', ' <a1@bookshop.example>'],
    ['MIME-Version', ' 1.0'],
    ['Content-Type', ' text/plain; charset=utf-8'],
  ] as HeaderField[],
  body: Buffer.from('Hello  Ada \r\n\r\n\r\n'),
};

describe('the keys that sign', function () {
  this.timeout(20_000);
  let home: TestContext;
  let dns: TestDns;
  let organisation: OrganisationFacts;
  let owner: KeyOwner;

  before(async () => {
    [home, dns] = [await makeTestContext(), await startDns()];
    [organisation] = (await catalogue(home.ctx)).organisations as [OrganisationFacts];
  });
  beforeEach(async () => {
    await home.ctx.db.query('delete from dkim_key');
    await home.ctx.db.query('delete from sending_domain');
    forgetSigners(home.ctx);
    dns.records.clear();
    dns.refuses = false;
    owner = { organisationId: organisation.id, domain: 'bookshop.example' };
  });
  after(async () => {
    await home.drop();
    await dns.stop();
  });

  const keys = async (): Promise<DkimKeyFacts[]> => dkimKeysOf(home.ctx, owner);
  const states = async () => (await keys()).map(({ selector, state }) => `${selector} ${state}`);
  const publish = (all: readonly DkimKeyFacts[]): void => {
    for (const { name, text } of all.map(dkimRecord)) dns.records.set(name.toLowerCase(), [text]);
  };
  const look = async (): Promise<number> => lookForAll(home.ctx, makeLookup(dns.server));
  const signed = async (): Promise<Buffer> => {
    const signatures = await signMail(home.ctx, organisation, MAIL);
    const head = [...signatures, ...MAIL.headers.map(([name, value]) => `${name}:${value}`)];
    return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), MAIL.body]);
  };
  /** As mailauth finds them in what the DNS of the test holds. */
  const verdicts = async (mail: Buffer): Promise<string[]> => {
    const { results } = await dkimVerify(mail, { resolver: makeLookup(dns.server) });
    return results.map(({ selector, status }) => `${selector ?? ''} ${status.result}`);
  };

  it('come in pairs, RSA with 2048 bits and Ed25519, made on first use and used at once', async () => {
    const signers = await signersOf(home.ctx, organisation);

    expect(signers.map(({ selector }) => selector)).to.deep.equal(['zgoda1', 'zgoda1e']);
    expect(signers.map(({ key }) => key.asymmetricKeyType)).to.deep.equal(['rsa', 'ed25519']);
    expect(signers[0].key.asymmetricKeyDetails?.modulusLength).to.equal(2048);
    expect(await states()).to.deep.equal(['zgoda1 used', 'zgoda1e used']);
  });

  it('are the same for processes that need them at the same moment', async () => {
    const contexts = Array.from({ length: 4 }, () => ({ ...home.ctx }));

    const all = await Promise.all(contexts.map(async (ctx) => signersOf(ctx, organisation)));

    const records = all.map((signers) => signers.map((signer) => dkimRecord(signer).text).join());
    expect(new Set(records)).to.have.property('size', 1);
    expect(await keys()).to.have.length(2);
  });

  it('are verified by mailauth and by dkimpy', async function () {
    const mail = await signed();
    publish(await keys());

    expect(await verdicts(mail)).to.deep.equal(['zgoda1 pass', 'zgoda1e pass']);
    if (!hasDkimpy()) this.skip();
    expect(askDkimpy(mail, (await keys()).map(dkimRecord))).to.deep.equal([
      ['rsa-sha256', true],
      ['ed25519-sha256', true],
    ]);
    const changed = Buffer.from(mail.toString().replace('Three  books', 'Four books'));
    expect(askDkimpy(changed, (await keys()).map(dkimRecord)).map(([, isGood]) => isGood)).to.deep.equal([
      false,
      false,
    ]);
  });

  it('are verified after a Postfix has handed the mail on', async function () {
    if (!hasPostfix()) this.skip();
    const sink = await startSink();
    const postfix = await startPostfix(sink.port);
    try {
      const mail = await signed();
      await submit(postfix.port, mail, { from: 'letters@bookshop.example', to: 'ada@example.com' });
      const [arrived] = await eventually(async () => {
        if (sink.mails.length === 0) throw new Error('nothing came');
        return Promise.resolve(sink.mails);
      });
      publish(await keys());

      expect(arrived?.raw.toString())
        .to.match(/^Received: /)
        .and.contain('(Postfix)');
      expect(await verdicts(arrived?.raw ?? mail)).to.deep.equal(['zgoda1 pass', 'zgoda1e pass']);
      if (!hasDkimpy()) return;
      const asked = askDkimpy(arrived?.raw ?? mail, (await keys()).map(dkimRecord));
      expect(asked.map(([, isGood]) => isGood)).to.deep.equal([true, true]);
    } finally {
      await postfix.stop();
      await sink.stop();
    }
  });

  it('follow one another: the next ones sign once the DNS shows them, and the former ones still verify', async () => {
    publish(await keys());
    const before = await signed();

    const next = await rotateDkim(home.ctx, owner);
    const again = await rotateDkim(home.ctx, owner);
    const unseen = await look();
    const meanwhile = await signersOf(home.ctx, organisation);
    publish(next);
    const seen = await look();

    expect(next.map(({ selector }) => selector)).to.deep.equal(['zgoda2', 'zgoda2e']);
    expect(again.map(({ selector }) => selector)).to.deep.equal(['zgoda2', 'zgoda2e']);
    expect([unseen, seen]).to.deep.equal([0, 2]);
    expect(meanwhile.map(({ selector }) => selector)).to.deep.equal(['zgoda1', 'zgoda1e']);
    expect(await states()).to.deep.equal(['zgoda2 used', 'zgoda2e used', 'zgoda1 former', 'zgoda1e former']);
    expect(await verdicts(await signed())).to.deep.equal(['zgoda2 pass', 'zgoda2e pass']);
    expect(await verdicts(before)).to.deep.equal(['zgoda1 pass', 'zgoda1e pass']);
  });

  it('are destroyed when the overlap is over, which is noted, and their numbers never come back', async () => {
    await signersOf(home.ctx, organisation);
    const next = await rotateDkim(home.ctx, owner);
    for (const key of next) await useKey(home.ctx, key, owner);
    const later = (days: number): Context => ({ ...home.ctx, now: () => new Date(Date.now() + days * 86_400_000) });

    const early = await destroyFormerKeys(later(OVERLAP_DAYS - 1));
    const gone = await destroyFormerKeys(later(OVERLAP_DAYS + 1));
    const again = await destroyFormerKeys(later(OVERLAP_DAYS + 2));

    expect([early, gone, again]).to.deep.equal([0, 2, 0]);
    expect(await states()).to.deep.equal(['zgoda2 used', 'zgoda2e used']);
    const left = await home.ctx.db.query('select count(*)::int as n from dkim_key where private_key is not null');
    expect(left).to.deep.equal([{ n: 2 }]);
    const noted = await destroyedKeys(home.ctx, owner);
    expect(noted.map(({ selector, algorithm }) => [selector, algorithm])).to.deep.equal([
      ['zgoda1', 'rsa'],
      ['zgoda1e', 'ed25519'],
    ]);
    expect((await signersOf(home.ctx, organisation)).map(({ selector }) => selector)).to.deep.equal([
      'zgoda2',
      'zgoda2e',
    ]);
    expect((await rotateDkim(home.ctx, owner)).map(({ selector }) => selector)).to.deep.equal(['zgoda3', 'zgoda3e']);
  });

  it('wait one by one, and for a record that holds this very key', async () => {
    await signersOf(home.ctx, organisation);
    const [rsa, ed25519] = await rotateDkim(home.ctx, owner);
    publish([rsa, ed25519] as DkimKeyFacts[]);
    dns.records.set('zgoda2e._domainkey.bookshop.example', [
      'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
    ]);

    await look();

    expect((await signersOf(home.ctx, organisation)).map(({ selector }) => selector)).to.deep.equal([
      'zgoda2',
      'zgoda1e',
    ]);
  });

  it('wait while the DNS does not answer, and need not when somebody knows better', async () => {
    await signersOf(home.ctx, organisation);
    const next = await rotateDkim(home.ctx, owner);
    publish(next);
    dns.refuses = true;

    expect(await look()).to.equal(0);
    for (const key of next) await useKey(home.ctx, key, owner);

    expect((await signersOf(home.ctx, organisation)).map(({ selector }) => selector)).to.deep.equal([
      'zgoda2',
      'zgoda2e',
    ]);
  });

  it('get the second one where there was only RSA, which waits for the DNS', async () => {
    await signersOf(home.ctx, organisation);
    await home.ctx.db.query(`delete from dkim_key where algorithm = 'ed25519'`);
    forgetSigners(home.ctx);

    const signers = await signersOf(home.ctx, organisation);

    expect(signers.map(({ selector }) => selector)).to.deep.equal(['zgoda1']);
    expect(await states()).to.have.members(['zgoda1 used', 'zgoda2e waiting']);
  });

  it('ask the DNS nothing while nothing is waited for', async () => {
    await signersOf(home.ctx, organisation);
    const asked = dns.asked.length;

    await look();

    expect(dns.asked).to.have.length(asked);
  });

  it('publish what belongs to the private key, whatever somebody writes beside it', async () => {
    const [before] = (await keys()).map(dkimRecord);
    await home.ctx.db.query(`update dkim_key set public_key = 'MCowBQYDK2VwAyEA'`);

    expect((await keys()).map(dkimRecord)[0]).to.deep.equal(before);
  });

  describe('and the domains of an organisation', () => {
    const domains = async (): Promise<readonly string[]> => sendingDomains(home.ctx, organisation);

    it('are that of its address, and further ones once the DNS shows our key there', async () => {
      const added = await addDomain(home.ctx, organisation, 'News.Bücher.example.');
      const unverified = await domains();
      publish(added);
      const done = await look();

      expect(unverified).to.deep.equal(['bookshop.example']);
      expect(done).to.equal(1);
      expect(await domains()).to.deep.equal(['bookshop.example', 'news.xn--bcher-kva.example']);
      const signers = await signersOf(home.ctx, organisation, 'news.xn--bcher-kva.example');
      expect(signers.map(({ domain, selector }) => `${selector} ${domain}`)).to.deep.equal([
        'zgoda1 news.xn--bcher-kva.example',
        'zgoda1e news.xn--bcher-kva.example',
      ]);
    });

    it("are not verified by somebody else's key, nor by SQL", async () => {
      await addDomain(home.ctx, organisation, 'other.example');
      dns.records.set('zgoda1._domainkey.other.example', ['v=DKIM1; k=rsa; p=MIGf']);

      await look();
      await home.ctx.db.query('update sending_domain set verified_at = now()');

      expect(await domains()).to.deep.equal(['bookshop.example']);
    });

    it('are no longer its own once they are removed', async () => {
      publish(await addDomain(home.ctx, organisation, 'other.example'));
      await look();
      await removeDomain(home.ctx, organisation, 'other.example');

      expect(await domains()).to.deep.equal(['bookshop.example']);
      const gone = await removeDomain(home.ctx, organisation, 'other.example').catch((error: unknown) => error);
      expect(gone).to.have.property('code', 'not-found');
    });

    it('refuses what is no domain, and its own', async () => {
      for (const name of [
        '',
        'example',
        'a b.example',
        '-a.example',
        '192.0.2.1',
        'bookshop.example',
        'x'.repeat(64) + '.example',
      ]) {
        const refusal = await addDomain(home.ctx, organisation, name).catch((error: unknown) => error);
        expect(refusal, name).to.have.property('code', 'body-invalid');
      }
    });
  });
});

/** As it is, byte for byte. */
async function submit(port: number, raw: Buffer, envelope: { from: string; to: string }): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  await transport.sendMail({ envelope, raw });
  transport.close();
}

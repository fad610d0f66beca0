import { expect } from 'chai';
import { catalogue } from '../../server/consent/catalogue.js';
import { keysInDns } from '../../server/delivery/shown-keys.js';
import { signersOf } from '../../server/delivery/signing.js';
import { dkimRecord } from '../../server/mail/dkim-record.js';
import { makeFresh, type Fresh } from '../campaigns/fresh.js';
import { startDns, type TestDns } from '../support/dns.js';
import { makeLookup } from '../../server/delivery/dns.js';

describe('what the DNS shows of our keys', () => {
  let fresh: Fresh;
  let dns: TestDns;

  before(async () => {
    [fresh, dns] = await Promise.all([makeFresh(), startDns()]);
  });
  after(async () => {
    await fresh.drop();
    await dns.stop();
  });

  /** Without what was seen before: as another process would look. */
  const look = async (): Promise<string | null> => {
    const ctx = { ...fresh.ctx, config: { ...fresh.ctx.config, dnsServer: dns.server } };
    const [organisation] = (await catalogue(ctx)).organisations;
    if (!organisation) throw new Error('no organisation');
    return keysInDns(ctx, organisation, makeLookup(dns.server));
  };

  const publish = async (change = (text: string): string => text): Promise<void> => {
    const [organisation] = (await catalogue(fresh.ctx)).organisations;
    if (!organisation) throw new Error('no organisation');
    for (const { name, text } of (await signersOf(fresh.ctx, organisation)).map(dkimRecord))
      dns.records.set(name.toLowerCase(), [change(text)]);
  };

  it('is told for the worst of them: missing, wrong, unknown, good', async () => {
    expect(await look()).to.equal('missing');
    await publish((text) => text.replace(/p=.{20}/, 'p=AAAAAAAAAAAAAAAAAAAA'));
    expect(await look()).to.equal('wrong');
    await publish();
    expect(await look()).to.equal('ok');
    dns.refuses = true;
    expect(await look()).to.equal('unknown');
    dns.refuses = false;
  });

  it('is asked for once, however many pages show it', async () => {
    const ctx = { ...fresh.ctx, config: { ...fresh.ctx.config, dnsServer: dns.server } };
    const [organisation] = (await catalogue(ctx)).organisations;
    if (!organisation) throw new Error('no organisation');
    dns.asked.length = 0;

    const answers = await Promise.all([1, 2, 3].map(async () => keysInDns(ctx, organisation, makeLookup(dns.server))));

    expect(new Set(answers)).to.deep.equal(new Set([await keysInDns(ctx, organisation, makeLookup(dns.server))]));
    expect(dns.asked).to.have.length(2);
  });

  it('is not asked for a name that is reserved for examples, unless somebody says whom', async () => {
    const [organisation] = (await catalogue(fresh.ctx)).organisations;
    if (!organisation) throw new Error('no organisation');
    dns.asked.length = 0;

    expect(await keysInDns(fresh.ctx, organisation, makeLookup(dns.server))).to.equal('unchecked');
    expect(dns.asked).to.deep.equal([]);
  });
});

import { expect } from 'chai';
import { startDns, type TestDns } from '../support/dns.js';
import { makeHome, type Ended, type Home } from '../support/process.js';

interface Told {
  readonly keys: readonly { name: string; text: string; selector: string; algorithm: string; state: string }[];
}

describe('zgoda dkim, domain and doctor', function () {
  this.timeout(60_000);
  let home: Home;
  let dns: TestDns;

  before(async () => {
    dns = await startDns();
    home = await makeHome();
    await home.start().then(async (service) => service.stop());
  });
  after(async () => {
    await home.drop();
    await dns.stop();
  });

  const ask = async (line: string): Promise<Ended> => home.zgoda(line.split(' '));
  const json = ({ out }: Ended): unknown => JSON.parse(out);
  const publish = (keys: Told['keys']): void => keys.forEach(({ name, text }) => dns.records.set(name, [text]));

  it('lead from keys that sign to their followers, which wait for the DNS', async () => {
    const rotated = json(await ask('dkim rotate --json')) as Told;
    const early = await ask(`dkim use --resolver ${dns.server}`);
    publish(rotated.keys);
    const used = await ask(`dkim use --resolver ${dns.server} --json`);
    const after = await ask('dkim show');

    expect(rotated.keys.map(({ selector, algorithm, state }) => [selector, algorithm, state])).to.deep.equal([
      ['zgoda2', 'rsa', 'waiting'],
      ['zgoda2e', 'ed25519', 'waiting'],
    ]);
    expect(early).to.include({ code: 1, err: '' });
    expect(early.out).to.equal('No new key signs.\nThe DNS does not show zgoda2 and zgoda2e yet.\n');
    expect([used.code, json(used)]).to.deep.equal([0, { used: ['zgoda2', 'zgoda2e'], waiting: [] }]);
    expect(after.out).to.match(/^used\n {2}zgoda2\._domainkey\.bookshop\.example {2}TXT {2}"v=DKIM1; k=rsa; p=/);
    expect(after.out).to.match(/^former \(leave it until \d{4}-\d\d-\d\d\)\n {2}zgoda1\._domainkey/m);
  });

  it('add a domain, which may send once the DNS shows our key there', async () => {
    const added = json(await ask('domain add news.example --json')) as Told;
    publish(added.keys.slice(1));
    const checked = await ask(`domain check --resolver ${dns.server}`);
    const removed = await ask('domain remove news.example');
    const gone = await ask('dkim show --domain news.example');

    expect([checked.code, checked.out]).to.deep.equal([0, 'may send  bookshop.example\nmay send  news.example\n']);
    expect(removed.code).to.equal(0);
    expect([gone.code, gone.err]).to.deep.equal([1, 'demo has these domains: bookshop.example.\n']);
  });

  it('look where the resolver says, and end with 1 while a record is missing', async () => {
    await ask('domain add other.example');
    const waiting = await ask(`domain check --resolver ${dns.server}`);
    const told = await ask(`doctor --resolver localhost:${dns.server.split(':')[1] ?? ''} --json`);

    const { dns: found } = json(told) as { dns: { name: string; verdict: string }[] };
    expect([waiting.code, waiting.out]).to.deep.equal([1, 'may send  bookshop.example\nwaits     other.example\n']);
    expect(told.code).to.equal(1);
    expect(found).to.deep.include({ ...found.find(({ name }) => name.startsWith('zgoda2.')), verdict: 'ok' });
    expect(found.find(({ name }) => name.startsWith('_dmarc'))).to.have.property('verdict', 'missing');
  });

  it('say what is wrong with how they are used', async () => {
    const wrong: readonly (readonly [line: string, code: number, says: string])[] = [
      ['doctor --resolver :x', 64, 'a host and a port'],
      ['domain add nothing', 1, '"nothing" is not a domain'],
      ['dkim rotate --organisation nobody', 1, 'There are: demo.'],
    ];
    for (const [line, code, says] of wrong) {
      const told = await ask(line);
      expect([told.code, told.out], line).to.deep.equal([code, '']);
      expect(told.err).to.contain(says);
    }
  });
});

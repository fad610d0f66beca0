import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Context } from '../../server/context.js';
import { parseAddCheckpoint, SIZE_TYPE } from '../../server/ledger/add-checkpoint.js';
import { attestations } from '../../server/ledger/attestations.js';
import { attestedFor, withCosignatures } from '../../server/ledger/attested.js';
import { cosign } from '../../server/ledger/cosignature.js';
import { COSIGNATURE, formatVkey, parseNote, verifierKey } from '../../server/ledger/note.js';
import { latestCheckpoint, logVkey } from '../../server/ledger/store.js';
import { askWitness, reachableWitnesses } from '../../server/ledger/witness.js';
import { makeOutbound } from '../../server/outbound.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { growLog } from '../support/grow.js';
import { startWitness, type TestWitness } from '../support/witness.js';

const MINUTE = 60_000;
const outbound = makeOutbound({ production: false });
const never = new AbortController().signal;

describe('the log and its witnesses', () => {
  let test: TestContext;
  let folder: string;
  let ctx: Context;
  let offset = 2 * MINUTE;
  let witness: TestWitness;

  before(async () => {
    test = await makeTestContext();
    folder = await mkdtemp(join(tmpdir(), 'zgoda-policy-'));
    witness = await startWitness('council.example.org', [logVkey(test.ctx)]);
    ctx = await under(`${witness.policyLine}\nquorum council.example.org\n`);
  });
  after(async () => {
    await witness.drop();
    await test.drop();
    await rm(folder, { recursive: true });
  });

  it('ask for nothing as long as the log has no public head', async () => {
    expect(await ask(ctx)).to.equal(0);
    expect(await states()).to.be.empty;
  });

  it('get a first head signed, and each that follows, once', async () => {
    await growLog(test.ctx, 3);
    expect([await ask(ctx), await ask(ctx)]).to.deep.equal([1, 0]);
    await growLog(test.ctx, 300);
    offset += MINUTE;
    expect([await ask(ctx), await ask(ctx)]).to.deep.equal([1, 0]);

    const { witnessed } = await attestedFor(ctx.db, 0);
    const head = await latestCheckpoint(ctx.db);
    const { signatures } = parseNote(await withCosignatures(ctx.db, head ?? { size: 0, note: '' }));
    expect(witnessed?.size).to.equal(3);
    expect(signatures.map(({ name }) => name)).to.deep.equal([ctx.logOrigin, 'council.example.org']);
  });

  it('are told of on the page of the log, up to what the public sees', async () => {
    const told = async (size: number): Promise<unknown> =>
      (await attestations(ctx.db, size)).witnesses.map((one) => [one.name, one.size]);

    expect([await told(2), await told(3)]).to.deep.equal([[], [['council.example.org', 3]]]);
  });

  it('agree on a size anew when our side has forgotten it, also after the witness was killed', async () => {
    const again = await startWitness('again.example.org', [logVkey(ctx)]);
    const asking = await under(`${again.policyLine}\nquorum none\n`);
    await again.post(await bodyFor(again, 0));
    await growLog(test.ctx, 5);
    offset += MINUTE;
    await again.running().kill();
    await again.restart();

    expect(await ask(asking)).to.equal(1);
    expect((await states()).filter(({ problem }) => problem !== null)).to.be.empty;
    await again.drop();
  });

  it('are not troubled by a witness that is away; it is asked again later and later, and the change is told once', async () => {
    const warnings: unknown[] = [];
    const gone = await startWitness('gone.example.org', [logVkey(ctx)]);
    await gone.running().kill();
    const asking = listening(await under(`${gone.policyLine}\nquorum none\n`), warnings);

    expect(await ask(asking)).to.equal(0);
    const first = await stateOf(gone.vkey);
    expect(await ask(asking), 'too soon').to.equal(0);
    offset += 6_000;
    expect(await ask(asking)).to.equal(0);
    const second = await stateOf(gone.vkey);

    expect([first?.failures, second?.failures]).to.deep.equal([1, 2]);
    expect(second?.problem).to.match(/cannot be reached: ECONNREFUSED$/);
    expect(second?.since).to.deep.equal(first?.since);
    expect(warnings).to.deep.equal(['the witness gives nothing usable and is asked again later']);

    await gone.restart();
    offset += MINUTE;
    expect(await ask(asking)).to.equal(1);
    expect((await stateOf(gone.vkey))?.problem).to.be.null;
    expect(warnings.slice(1)).to.deep.equal(['the witness answers again']);
    await gone.drop();
  });

  it('are asked for what is new although somebody wrote signatures into the table by hand, and not again and again', async () => {
    let requests = 0;
    const honest = await startLiar((res, sign) => {
      requests += 1;
      res.end(sign());
    });
    const asking = await under(honest.policy);
    const head = await latestCheckpoint(ctx.db);
    for (const size of [head?.size ?? 0, 999_999])
      await ctx.db.query('insert into log_cosignature (size, witness, line, signed_at) values ($1, $2, $3, now())', [
        ...[size, honest.vkey, 'made up\n'],
      ]);

    expect([await ask(asking), await ask(asking)]).to.deep.equal([0, 0]);
    expect(requests).to.equal(1);
    expect((await stateOf(honest.vkey))?.problem).to.contain('stands there');
    await growLog(test.ctx, 1);
    offset += MINUTE;
    expect(await ask(asking)).to.equal(1);
    honest.stop();
  });

  it('are asked by one worker at a time', async () => {
    let requests = 0;
    const liar = await startLiar((res, sign) => {
      requests += 1;
      setTimeout(() => res.end(sign()), 50);
    });
    const asking = await under(liar.policy);

    const added = await Promise.all([ask(asking), ask(asking), ask(asking)]);

    expect(requests).to.equal(1);
    expect(added.reduce((sum, one) => sum + one)).to.equal(1);
    liar.stop();
  });

  it('are not asked by a worker that looked before another one asked, and whose turn came after', async () => {
    let requests = 0;
    const liar = await startLiar((res, sign) => {
      requests += 1;
      setTimeout(() => res.end(sign()), 50);
    });
    const asking = await under(liar.policy);
    let isOver = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    const query: Context['db']['query'] = async (sql, params) => {
      const rows = await asking.db.query<never>(sql, params);
      if (sql.includes('from log_cosignature')) await over;
      return rows;
    };

    const late = ask({ ...asking, db: { ...asking.db, query } });
    const first = await ask(asking);
    isOver();

    expect([first, await late]).to.deep.equal([1, 0]);
    expect(requests).to.equal(1);
    liar.stop();
  });

  const other = generateKeyPairSync('ed25519').privateKey;
  for (const [what, respond, problem] of [
    [
      'another key',
      (res, _, text) => res.end(cosign(text, { name: 'liar', key: other, now: now() }).line),
      /no cosignature/,
    ],
    ['another text', (res, sign) => res.end(sign('something else\n')), /no cosignature/],
    ['another time', (res, sign) => res.end(sign(undefined, new Date('2020-01-01'))), /clock/],
    ['nothing', (res) => res.end(), /no cosignature/],
    ['a page', (res) => res.end('<html>Welcome</html>\n'), /no cosignature/],
    ['far too much', (res) => res.end('x'.repeat(20_000)), /more than 16384 bytes/],
    ['a redirect', (res) => res.writeHead(307, { Location: 'http://127.0.0.1/' }).end(), /elsewhere/],
    ['that it does not know us', (res) => res.writeHead(404).end(), /404/],
    ['that our signature is wrong', (res) => res.writeHead(403).end(), /403/],
    ['that our history is another', (res) => res.writeHead(422).end(), /another history/],
    ['an error', (res) => res.writeHead(503).end(), /503/],
    ['409 without a size', (res) => res.writeHead(409).end(), /without the size/],
    [
      'a size that is none',
      (res) => res.writeHead(409, { 'Content-Type': SIZE_TYPE }).end('many\n'),
      /without the size/,
    ],
    ['the size that we sent', (res) => res.writeHead(409, { 'Content-Type': SIZE_TYPE }).end('0\n'), /another history/],
    ['one size after another', (res) => res.writeHead(409, { 'Content-Type': SIZE_TYPE }).end('1\n'), /does not stay/],
    [
      'a tree that we do not have',
      (res) => res.writeHead(409, { 'Content-Type': SIZE_TYPE }).end('99999\n'),
      /larger tree/,
    ],
  ] as readonly [string, Respond, RegExp][]) {
    it(`keep nothing when a witness answers ${what}`, async () => {
      const liar = await startLiar(respond);
      const asking = await under(liar.policy);

      expect(await ask(asking)).to.equal(0);

      expect((await stateOf(liar.vkey))?.problem).to.match(problem);
      const rows = await ctx.db.query('select 1 from log_cosignature where witness = $1', [liar.vkey]);
      expect(rows).to.be.empty;
      liar.stop();
    });
  }

  it('end at once when the service stops', async () => {
    const liar = await startLiar(() => undefined);
    const asking = await under(liar.policy);
    const stopping = new AbortController();
    const [reachable] = reachableWitnesses(asking);
    if (!reachable) throw new Error('no witness');

    const asked = askWitness(asking, outbound, reachable, stopping.signal);
    setTimeout(() => stopping.abort(), 50);

    expect(await asked).to.equal(0);
    expect(await stateOf(liar.vkey)).to.include({ failures: 0, problem: null });
    liar.stop();
  });

  it('are left alone with LOG_MODE=off', () => {
    const off = { ...ctx, config: { ...ctx.config, logMode: 'off' as const } };

    expect(reachableWitnesses(off)).to.be.empty;
    expect(reachableWitnesses({ config: { ...ctx.config, logMode: 'witnesses' } })).to.have.length(1);
  });

  it('must have https addresses in production, and a policy that can be read', async () => {
    const path = join(folder, 'broken');
    await writeFile(path, 'quorum nobody\n');

    expect(() => reachableWitnesses({ config: { ...ctx.config, production: true } })).to.throw('must be https');
    expect(() => reachableWitnesses({ config: { ...ctx.config, witnessPolicy: path } })).to.throw('line 1');
  });

  function now(): Date {
    return new Date(Date.now() + offset);
  }

  async function under(policy: string): Promise<Context> {
    const path = join(folder, `policy-${Math.random()}`);
    await writeFile(path, policy);
    return { ...test.ctx, now, config: { ...test.ctx.config, witnessPolicy: path } };
  }

  async function ask(asking: Context): Promise<number> {
    const [reachable] = reachableWitnesses(asking);
    if (!reachable) throw new Error('no witness');
    return askWitness(asking, outbound, reachable, never);
  }

  async function bodyFor(to: TestWitness, oldSize: number): Promise<string> {
    const head = await latestCheckpoint(ctx.db);
    expect(to.vkey).not.to.equal(witness.vkey);
    return `old ${oldSize}\n\n${head?.note ?? ''}`;
  }

  interface State {
    name: string;
    failures: number;
    problem: string | null;
    since: Date;
  }

  async function states(): Promise<State[]> {
    return ctx.db.query<State>('select name, failures, problem, since from log_attestor');
  }

  async function stateOf(vkey: string): Promise<State | undefined> {
    return (await states()).find(({ name }) => name === vkey);
  }

  type Respond = (res: ServerResponse, sign: (text?: string, at?: Date) => string, text: string) => unknown;

  async function startLiar(respond: Respond): Promise<{ policy: string; vkey: string; stop: () => void }> {
    const key: KeyObject = generateKeyPairSync('ed25519').privateKey;
    const vkey = formatVkey(verifierKey('liar', key, COSIGNATURE));
    const server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const { text } = parseNote(parseAddCheckpoint(Buffer.concat(chunks).toString()).note);
        respond(res, (other = text, at = now()) => cosign(other, { name: 'liar', key, now: at }).line, text);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      policy: `witness liar ${vkey} http://127.0.0.1:${port}/\nquorum none\n`,
      vkey,
      stop: () => server.close().closeAllConnections(),
    };
  }
});

function listening(ctx: Context, heard: unknown[]): Context {
  const hear = (_facts: unknown, words: unknown): void => void heard.push(words);
  return { ...ctx, logger: Object.assign(Object.create(ctx.logger) as Context['logger'], { warn: hear, info: hear }) };
}

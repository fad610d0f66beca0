import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { continueLog } from '../../server/ledger/continue.js';
import { rotateLogKey } from '../../server/ledger/rotate.js';
import { growTo } from '../support/ledger.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { one } from '../support/state.js';
import { join } from '../support/story.js';
import { openCheckpoint, signCheckpoint } from '../../server/ledger/checkpoint.js';
import { leafHash, rootOf } from '../../server/ledger/merkle.js';
import { parseVkey } from '../../server/ledger/note.js';

describe('the public log', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
    // Right after a tick, so that the next one is far away.
    service.advance(60_000 - (Date.now() % 60_000));
    await join(service, 'ada@gmail.com');
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  const read = async (path: string): Promise<Response> => fetch(`${service.base}/log/${path}`);

  it('shows nothing of a sign-up before the next tick', async () => {
    const checkpoint = await read('checkpoint');
    const tile = await read('tile/0/000.p/1');

    expect([checkpoint.status, tile.status]).to.deep.equal([404, 404]);
  });

  it('serves tiles and entries from which anybody computes the root that the checkpoint signs', async () => {
    service.advance(61_000);
    const key = parseVkey((await (await read('vkey')).text()).trim());

    const checkpoint = openCheckpoint(await (await read('checkpoint')).text(), [key]);
    const tile = await read(`tile/0/000.p/${checkpoint.size}`);
    const hashes = Buffer.from(await tile.arrayBuffer());
    const entries = Buffer.from(await (await read(`tile/entries/000.p/${checkpoint.size}`)).arrayBuffer());

    const leaves = Array.from({ length: checkpoint.size }, (_, place) => hashes.subarray(place * 32, place * 32 + 32));
    expect(checkpoint.size).to.equal(3);
    expect(rootOf(leaves)).to.deep.equal(checkpoint.root);
    expect(entries.length).to.equal(checkpoint.size * (2 + 65));
    expect(leafHash(entries.subarray(2, 67))).to.deep.equal(leaves[0]);
    expect(tile.headers.get('cache-control')).to.equal('public, max-age=600');
    expect(tile.headers.get('content-type')).to.equal('application/octet-stream');
  });

  it('has no other tiles', async () => {
    const answers = await Promise.all(
      ['tile/0/000', 'tile/1/000', 'tile/0/000.p/9', 'tile/0/0', 'tile/../x', 'tile/9'].map(read),
    );

    expect(answers.map((answer) => answer.status)).to.deep.equal([404, 404, 404, 404, 404, 404]);
  });

  it('serves a full tile for ever, a checkpoint for now, and what is not there not for long', async () => {
    await growTo(service.ctx, 257);
    service.advance(61_000);

    const answers = await Promise.all(
      ['tile/0/000', 'tile/entries/000', 'tile/1/000.p/1', 'checkpoint', 'tile/0/001'].map(read),
    );

    const told = answers.map(({ status, headers }) => [
      status,
      headers.get('cache-control'),
      headers.get('content-type'),
    ]);
    const bytes = 'application/octet-stream';
    expect(told.slice(0, 4)).to.deep.equal([
      [200, 'public, max-age=31536000, immutable', bytes],
      [200, 'public, max-age=31536000, immutable', bytes],
      [200, 'public, max-age=600', bytes],
      [200, 'no-cache', 'text/plain; charset=utf-8'],
    ]);
    expect(told[4]?.slice(0, 2)).to.deep.equal([404, 'no-store']);
    const head = await fetch(`${service.base}/log/tile/0/000`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).to.deep.equal([200, '8192']);
  });

  it('names all its keys with what they signed, and after a rotation the checkpoint that was signed last', async () => {
    const before = (await (await read('vkey')).text()).trim();
    const { vkey, former } = await rotateLogKey(service.ctx);

    const [keys, now] = await Promise.all(['vkeys', 'vkey'].map(async (path) => (await read(path)).text()));

    expect(now).to.equal(`${vkey}\n`);
    expect(keys).to.equal(`${before} 1 ${former.lastSize}\n${vkey} ${former.lastSize + 1} -\n`);
    const tip = await one<string>(service.ctx, 'select note from log_checkpoint where size = $1', [former.lastSize]);
    const named = await read(`config/${createHash('sha256').update(tip).digest('hex')}`);
    expect(await named.text()).to.equal(tip);
    expect((await read(`config/${'0'.repeat(64)}`)).status).to.equal(404);
    const page = await (await fetch(`${service.base}/log`)).text();
    expect(page)
      .to.contain(before.replaceAll('+', '&#x2B;').replaceAll('=', '&#x3D;').slice(0, 20))
      .and.contain('Former keys');
  });

  it('is under its new name too once it was continued, and under no other', async () => {
    const statuses = async (): Promise<number[]> =>
      Promise.all(
        ['2/checkpoint', '3/checkpoint', '2/tile/0/000', 'x/vkey', '2/vkey'].map(
          async (path) => (await read(path)).status,
        ),
      );
    expect(await statuses()).to.deep.equal([404, 404, 404, 404, 404]);
    await service.ctx.db.query('update installation set log_tip = $1', [
      signCheckpoint(
        { origin: service.ctx.logOrigin, size: 9999, root: Buffer.alloc(32) },
        service.ctx.keyring.logPrivate,
      ),
    ]);

    await continueLog(service.ctx);

    service.advance(61_000);
    expect(await statuses()).to.deep.equal([200, 404, 200, 404, 200]);
    expect(await (await read('2/checkpoint')).text()).to.match(/\/log\/demo-[0-9a-f]{8}\/2\n/);
    expect(await (await fetch(`${service.base}/log`)).text()).to.contain('/log/2</code>');
  });

  for (const mode of ['witnesses', 'off']) {
    it(`shows nothing at all with LOG_MODE=${mode}`, async () => {
      const hidden = await startTestService({ settings: { LOG_MODE: mode } });
      await join(hidden, 'ada@gmail.com');
      hidden.advance(61_000);

      const answers = await Promise.all(
        ['', '/checkpoint', '/vkey', '/vkeys', '/tile/0/000.p/3', '/config/0'].map(async (path) =>
          fetch(`${hidden.base}/log${path}`),
        ),
      );

      expect(answers.map(({ status }) => status)).to.deep.equal([404, 404, 404, 404, 404, 404]);
      await checkLedger(hidden.ctx);
      await hidden.stop();
    });
  }
});

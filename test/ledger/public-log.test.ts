import { expect } from 'chai';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { join } from '../support/story.js';
import { openCheckpoint } from '../../server/ledger/checkpoint.js';
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
    expect(tile.headers.get('cache-control')).to.contain('immutable');
  });

  it('has no other tiles', async () => {
    const answers = await Promise.all(
      ['tile/0/000', 'tile/1/000', 'tile/0/000.p/9', 'tile/0/0', 'tile/../x', 'tile/9'].map(read),
    );

    expect(answers.map((answer) => answer.status)).to.deep.equal([404, 404, 404, 404, 404, 404]);
  });
});

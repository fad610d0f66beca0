import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Context } from '../../server/context.js';
import { anchorRoots, makeAnchor } from '../../server/ledger/anchor.js';
import { anchorIntervalFor, noteAnchorInterval } from '../../server/ledger/anchor-interval.js';
import { attestedFor, withCosignatures } from '../../server/ledger/attested.js';
import { cosign } from '../../server/ledger/cosignature.js';
import { COSIGNATURE, formatVkey, parseNote, verifierKey } from '../../server/ledger/note.js';
import { nonceFrom, timeStampQuery } from '../../server/ledger/rfc3161.js';
import { verifyTimeStamp } from '../../server/ledger/rfc3161-token.js';
import { latestCheckpoint } from '../../server/ledger/store.js';
import { makeOutbound, type Outbound } from '../../server/outbound.js';
import { describeWithOpenssl, makeAuthority, sendReply, serveAuthority, type Authority } from '../support/stamping.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { growLog } from '../support/grow.js';

const HOUR = 3_600_000;
const never = new AbortController().signal;
const plain = makeOutbound({ production: false });
/** A test does not wait for what never comes. */
const outbound: Outbound = async (request) => plain({ ...request, timeoutMs: Math.min(request.timeoutMs, 4_000) });

describeWithOpenssl('the log and its time-stamp authorities', () => {
  let test: TestContext;
  let authority: Authority;
  let served: Awaited<ReturnType<typeof serveAuthority>>;
  let folder: string;
  let offset = 120_000;

  before(async () => {
    test = await makeTestContext();
    authority = await makeAuthority();
    served = await serveAuthority(authority);
    folder = await mkdtemp(join(tmpdir(), 'zgoda-anchor-'));
  });
  after(async () => {
    served.stop();
    await authority.drop();
    await test.drop();
    await rm(folder, { recursive: true });
  });

  it('stamp nothing as long as the log has no public head', async () => {
    expect(await anchorFor(served.url)(never)).to.equal(0);
    expect(served.requests()).to.equal(0);
  });

  it('stamp its first public head soon, and not again while it does not grow', async () => {
    await growLog(test.ctx, 3);
    const anchor = anchorFor(served.url);

    expect([await anchor(never), await anchor(never)]).to.deep.equal([1, 0]);

    const { anchored } = await attestedFor(test.ctx.db, 0);
    const [stamp] = anchored?.stamps ?? [];
    const verified = await verifyTimeStamp(
      stamp?.token ?? Buffer.alloc(0),
      anchored?.note ?? '',
      anchorRoots(config([])),
    );
    expect(anchored?.size).to.equal(3);
    expect(stamp?.authority).to.equal(served.url);
    expect(verified.at).to.deep.equal(stamp?.at);
    expect(served.requests()).to.equal(1);
  });

  it('stamp what is new only when the last stamp grows old', async () => {
    await growLog(test.ctx, 2);
    const anchor = anchorFor(served.url);

    expect(await anchor(never)).to.equal(0);
    expect(served.requests()).to.equal(1);
  });

  for (const [hours, isDue] of [
    [22.9, false],
    [23.1, true],
    [100, true],
  ] as const) {
    it(`ask ${isDue ? 'again' : 'nobody'} ${hours} hours after the last stamp, of 24`, async () => {
      const aged = await serveAuthority(authority);
      const anchor = anchorFor(aged.url);
      expect(await anchor(never)).to.equal(1);
      await growLog(test.ctx, 1);

      // Openssl has no other clock than this machine's: what it stamps now is refused, for its time.
      offset += hours * HOUR;
      expect(await anchor(never)).to.equal(0);
      offset -= hours * HOUR;

      expect(aged.requests()).to.equal(isDue ? 2 : 1);
      aged.stop();
    });
  }

  it('stamp what is new although somebody wrote stamps into the table by hand', async () => {
    const fooled = await serveAuthority(authority);
    const heard: unknown[] = [];
    for (const [size, at] of [
      [1, '2099-01-01'],
      [999_999, '2026-01-01'],
    ] as const)
      await insertStamp(fooled.url, { size, note: 'made up\n', token: Buffer.from('3000', 'hex'), at: new Date(at) });

    expect(await anchorFor(fooled.url, {}, heard)(never)).to.equal(1);
    expect(heard).to.deep.equal(Array(2).fill('a time stamp in the database does not verify, and counts for nothing'));
    fooled.stop();
  });

  it('stamp the very note that another authority stamped just before', async () => {
    const [first, second] = [await serveAuthority(authority), await serveAuthority(authority)];
    await growLog(test.ctx, 1);
    const urls = [first.url, second.url];

    expect(await anchorFor(first.url, { anchors: urls })(never)).to.equal(1);
    await growLog(test.ctx, 1);
    expect(await anchorFor(second.url, { anchors: urls })(never)).to.equal(1);

    const rows = await test.ctx.db.query<{ size: string; note: string }>(
      'select size, note from log_stamp where authority = any($1)',
      [urls],
    );
    expect(rows).to.have.length(2);
    expect(rows[0]).to.deep.equal(rows[1]);
    first.stop();
    second.stop();
  });

  it('wait for enough witnesses, and stamp their signatures too', async () => {
    const patient = await serveAuthority(authority);
    const key = generateKeyPairSync('ed25519').privateKey;
    const vkey = formatVkey(verifierKey('council', key, COSIGNATURE));
    const anchor = anchorFor(patient.url, { witnessPolicy: await policyFile(`witness c ${vkey}\nquorum c\n`) });

    expect(await anchor(never)).to.equal(0);
    const head = await latestCheckpoint(test.ctx.db);
    const { line } = cosign(parseNote(head?.note ?? '').text, { name: 'council', key, now: new Date() });
    await test.ctx.db.query('insert into log_cosignature (size, witness, line, signed_at) values ($1, $2, $3, now())', [
      ...[head?.size, vkey, line],
    ]);
    expect(await anchor(never)).to.equal(1);

    const [row] = await stampsOf(patient.url);
    expect(row?.note).to.equal(`${head?.note ?? ''}${line}`);
    patient.stop();
  });

  it('stamp without witnesses rather than not at all, and say so', async () => {
    const patient = await serveAuthority(authority);
    const vkey = formatVkey(verifierKey('gone', generateKeyPairSync('ed25519').publicKey, COSIGNATURE));
    const heard: unknown[] = [];
    const anchor = anchorFor(patient.url, { witnessPolicy: await policyFile(`witness c ${vkey}\nquorum c\n`) }, heard);

    expect(await anchor(never)).to.equal(0);
    offset += 119_000;
    expect(await anchor(never)).to.equal(0);
    offset += 2_000;
    expect(await anchor(never)).to.equal(1);
    offset -= 121_000;

    expect(heard).to.deep.equal(['stamped without enough witnesses']);
    patient.stop();
  });

  for (const [what, respond, problem] of [
    ['an error', async (_q, res) => end(res.writeHead(500), '<h1>Sorry</h1>'), /it answers 500/],
    [
      'an HTML page',
      async (_q, res) => end(res.writeHead(200, { 'Content-Type': 'text/html' }), '<h1>Hi</h1>'),
      /no time-stamp response/,
    ],
    [
      'an HTML page that calls itself a reply',
      async (_q, res) => sent(res, Buffer.from('<h1>Hi</h1>')),
      /no time-stamp response/,
    ],
    ['far too much', async (_q, res) => sent(res, Buffer.alloc(70_000)), /more than 65536 bytes/],
    ['nothing, for ever', async () => Promise.resolve(), /did not answer in time/],
    ['a redirect', async (_q, res) => end(res.writeHead(302, { Location: served.url }), ''), /elsewhere/],
    ['a stamp of something else', async (_q, res) => sent(res, await other('another note\n')), /imprint|signature/],
    ['the stamp of yesterday', async (_q, res) => sent(res, await other()), /nonce/],
    [
      'a stamp by a certificate for anything',
      async (q, res) => sent(res, await authority.reply(q, 'no-eku')),
      /for time stamps alone/,
    ],
    [
      'a stamp with one byte changed',
      async (q, res) => sent(res, bent(await authority.reply(q))),
      /signature|token|response/,
    ],
  ] as readonly [string, (query: Buffer, res: ServerResponse) => Promise<void>, RegExp][]) {
    it(`keep nothing when an authority answers ${what}`, async () => {
      const liar = await serveAuthority(authority, respond);
      const anchor = anchorFor(liar.url);

      expect([await anchor(never), await anchor(never)]).to.deep.equal([0, 0]);

      expect(await stampsOf(liar.url)).to.be.empty;
      expect(liar.requests(), 'it is not asked again at once').to.equal(1);
      const [state] = await test.ctx.db.query<{ problem: string; kind: string }>(
        'select problem, kind from log_attestor where name = $1',
        [liar.url],
      );
      expect(state?.kind).to.equal('authority');
      expect(state?.problem).to.match(problem);
      liar.stop();
    });
  }

  it('keep nothing of an authority that leads to another root', async () => {
    const impostor = await makeAuthority();
    const liar = await serveAuthority(impostor);

    expect(await anchorFor(liar.url)(never)).to.equal(0);

    expect(await stampsOf(liar.url)).to.be.empty;
    liar.stop();
    await impostor.drop();
  });

  it('are asked again after they were away', async () => {
    let isAway = true;
    const weak = await serveAuthority(authority, async (query, res) =>
      isAway ? end(res.writeHead(503), '') : sent(res, await authority.reply(query)),
    );
    const anchor = anchorFor(weak.url);

    expect(await anchor(never)).to.equal(0);
    isAway = false;
    expect(await anchor(never), 'too soon').to.equal(0);
    offset += 6_000;
    expect(await anchor(never)).to.equal(1);
    weak.stop();
  });

  describe('and receipts', () => {
    const at = (hour: number): Date => new Date(Date.UTC(2026, 0, 1, hour));

    before(async () => {
      const told = async (hour: number, anchors: readonly string[], anchorHours: number): Promise<void> =>
        noteAnchorInterval({ ...test.ctx, now: () => at(hour), config: { ...config(anchors), anchorHours } });
      await told(1, [], 24);
      await told(10, [served.url], 24);
      await told(12, [served.url], 24);
      await told(20, [served.url], 6);
      await told(30, [], 6);
    });

    it('name the interval that held when something happened, however often it changed since', async () => {
      const held = await Promise.all([9, 10, 19, 20, 29, 30].map(async (hour) => intervalFor(hour)));

      expect(held).to.deep.equal([null, 'PT24H', 'PT24H', 'PT6H', 'PT6H', null]);
    });

    it('promise what held for all of their events, and no more', async () => {
      expect(await intervalFor(11, 21)).to.equal('PT24H');
      expect(await intervalFor(9, 21)).to.be.null;
      expect(await intervalFor(21, 31)).to.be.null;
    });

    async function intervalFor(...hours: number[]): Promise<string | null> {
      return anchorIntervalFor(test.ctx.db, hours.map(at));
    }
  });

  it('need roots that can be read', async () => {
    const path = join(folder, 'roots.pem');
    await writeFile(path, 'no certificate');

    expect(() => anchorRoots({ ...config([]), anchorTrust: path })).to.throw('ANCHOR_TRUST');
  });

  function config(anchors: readonly string[]): Context['config'] {
    return { ...test.ctx.config, anchors, anchorTrust: authority.rootFile };
  }

  function anchorFor(url: string, more: Partial<Context['config']> = {}, heard: unknown[] = []) {
    const hear = (_facts: unknown, words: unknown): void => void heard.push(words);
    const logger = Object.assign(Object.create(test.ctx.logger) as Context['logger'], { warn: hear, error: hear });
    const now = (): Date => new Date(Date.now() + offset);
    return makeAnchor({ ...test.ctx, now, logger, config: { ...config([url]), ...more } }, outbound, url);
  }

  async function policyFile(policy: string): Promise<string> {
    const path = join(folder, `policy-${policy.length}-${policy.slice(10, 16)}`);
    await writeFile(path, policy);
    return path;
  }

  async function stampsOf(url: string): Promise<{ note: string }[]> {
    return test.ctx.db.query<{ note: string }>('select note from log_stamp where authority = $1', [url]);
  }

  async function insertStamp(url: string, row: { size: number; note: string; token: Buffer; at: Date }): Promise<void> {
    await test.ctx.db.query(
      'insert into log_stamp (size, authority, note, token, stamped_at) values ($1, $2, $3, $4, $5)',
      [row.size, url, row.note, row.token, row.at],
    );
  }

  async function other(text?: string): Promise<Buffer> {
    const head = await latestCheckpoint(test.ctx.db);
    const stamped = text ?? (await withCosignatures(test.ctx.db, head ?? { size: 0, note: '' }));
    return authority.reply(timeStampQuery(stamped, nonceFrom(Buffer.alloc(8, 7))));
  }
});

async function end(res: ServerResponse, text: string): Promise<void> {
  res.end(text);
  return Promise.resolve();
}

async function sent(res: ServerResponse, reply: Buffer): Promise<void> {
  sendReply(res, reply);
  return Promise.resolve();
}

// In the signature, which ends the token.
function bent(reply: Buffer): Buffer {
  reply[reply.length - 9] = (reply[reply.length - 9] ?? 0) ^ 1;
  return reply;
}

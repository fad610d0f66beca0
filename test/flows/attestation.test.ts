import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { expect } from 'chai';
import { doctor } from '../../server/jobs/doctor.js';
import { openCheckpoint } from '../../server/ledger/checkpoint.js';
import { attestedFor } from '../../server/ledger/attested.js';
import { findCosignature } from '../../server/ledger/cosignature.js';
import { COSIGNATURE, formatVkey, keyId, parseVkey, verifierKey } from '../../server/ledger/note.js';
import { readRoots, verifyTimeStamp } from '../../server/ledger/rfc3161-token.js';
import { makePaperLog } from '../support/log.js';
import { checkLedger, eventually, startTestService, type TestService } from '../support/service.js';
import { describeWithOpenssl, makeAuthority, serveAuthority, type Authority } from '../support/stamping.js';
import { join, signUp } from '../support/story.js';
import { startWitness, type TestWitness } from '../support/witness.js';

describeWithOpenssl('a service with witnesses and a time-stamp authority', () => {
  let service: TestService;
  let council: TestWitness;
  let partner: TestWitness;
  let authority: Authority;
  let served: Awaited<ReturnType<typeof serveAuthority>>;
  let folder: string;
  const hanging = createServer(() => undefined);

  before(async () => {
    folder = await mkdtemp(joinPath(tmpdir(), 'zgoda-attested-'));
    // A policy names witnesses, and a witness names logs: one of them must be started twice.
    const nobody = makePaperLog('nobody.example.org').vkey;
    [council, partner] = [await startWitness('council', [nobody]), await startWitness('partner', [nobody])];
    authority = await makeAuthority();
    served = await serveAuthority(authority);
    await once(hanging.listen(0, '127.0.0.1'), 'listening');
    const stuck = `witness stuck ${stuckVkey()} http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
    const policy = joinPath(folder, 'policy');
    await writeFile(
      policy,
      `${council.policyLine}\n${partner.policyLine}\n${stuck}\ngroup two 2 council partner stuck\nquorum two\n`,
    );
    service = await startTestService({
      settings: { WITNESS_POLICY: policy, ANCHORS: served.url, ANCHOR_TRUST: authority.rootFile, ANCHOR_HOURS: '1' },
    });
    service.advance(60_000 - (Date.now() % 60_000));
    const vkey = formatVkey(verifierKey(service.ctx.logOrigin, service.ctx.keyring.logPublic));
    for (const witness of [council, partner]) {
      await witness.running().kill();
      await witness.restart([vkey]);
    }
  });
  after(async () => {
    await checkLedger(service.ctx);
    const from = Date.now();
    await service.stop();
    expect(Date.now() - from, 'a hanging witness does not hold the stop').to.be.lessThan(5_000);
    hanging.close().closeAllConnections();
    served.stop();
    await Promise.all([council.drop(), partner.drop(), authority.drop(), rm(folder, { recursive: true })]);
  });

  const checkpoint = async (): Promise<string> => (await fetch(`${service.base}/log/checkpoint`)).text();

  it('goes on as ever while nobody was asked', async () => {
    expect((await join(service, 'ada@gmail.com')).status).to.equal(200);
    expect(await attestedFor(service.ctx.db, 0)).to.deep.equal({ witnessed: null, anchored: null });
  });

  it('shows its public head with the signatures of all who signed, whoever hangs', async () => {
    service.advance(61_000);

    const note = await eventually(async () => {
      const text = await checkpoint();
      expect(text.match(/^— /gm)).to.have.length(3);
      return text;
    });

    const log = parseVkey((await (await fetch(`${service.base}/log/vkey`)).text()).trim());
    const { size, note: opened } = openCheckpoint(note, [log]);
    expect(size).to.equal(3);
    for (const witness of [council, partner]) {
      const lines = note.slice(opened.text.length + 1);
      expect(findCosignature(opened.text, lines, witness.key)).not.to.be.null;
    }
  });

  it('has it stamped with these signatures', async () => {
    const anchored = await eventually(async () => {
      const found = await attestedFor(service.ctx.db, 2);
      expect(found.anchored).not.to.be.null;
      return found.anchored;
    });

    const [stamp] = anchored?.stamps ?? [];
    const stamped = await verifyTimeStamp(
      stamp?.token ?? Buffer.alloc(0),
      anchored?.note ?? '',
      readRoots(authority.root),
    );
    expect(anchored?.note.match(/^— /gm)).to.have.length(3);
    expect(stamped.at).to.deep.equal(stamp?.at);
    expect(served.requests()).to.equal(1);
  });

  it('names them on the page of the log', async () => {
    const page = await (await fetch(`${service.base}/log`)).text();

    expect(page).to.contain('council: 3 entries').and.contain('partner: 3 entries').and.contain(served.url);
    expect(page).not.to.contain('stuck');
  });

  it('tells its doctor who did what, and who does not answer', async () => {
    await eventually(async () => {
      const { checks } = await doctor(service.ctx);
      const lines = checks.filter(({ name }) => /^log: (witness|authority)/.test(name));
      expect(lines.map(({ name, ok }) => [name, ok])).to.deep.equal([
        ['log: witness council', true],
        ['log: witness partner', true],
        ['log: witness stuck', false],
        [`log: authority ${served.url}`, true],
      ]);
      expect(lines[0]?.words).to.match(/^signed the head of size 3 at 20\S+Z, \d+ min ago$/);
      expect(lines[2]?.words).to.match(/did not answer in time, for 0 min; nothing signed yet$/);
      expect(lines[3]?.words).to.match(/^stamped the head of size 3 at/);
    });
  });

  it('has the next head signed too, after a witness was killed and came back', async () => {
    await council.running().kill();
    expect((await signUp(service, 'boris@gmail.com')).status).to.equal(200);
    await service.mailTo('boris@gmail.com');
    service.advance(61_000);

    const alone = await eventually(async () => {
      const text = await checkpoint();
      expect(text).to.match(/\n5\n/).and.contain('— partner ');
      return text;
    });
    expect(alone).not.to.contain('— council ');

    await council.restart([(await (await fetch(`${service.base}/log/vkey`)).text()).trim()]);
    service.advance(10_000);
    await eventually(async () => expect(await checkpoint()).to.contain('— council '), 20_000);
  });
});

function stuckVkey(): string {
  const bytes = parseVkey(makePaperLog('stuck').vkey);
  return formatVkey({ ...bytes, type: COSIGNATURE, keyId: keyId(bytes.name, COSIGNATURE, bytes.publicKey) });
}

import { expect } from 'chai';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { loadReceipt } from '../../server/consent/receipt.js';
import { backUp, type Backup } from '../support/backup.js';
import { mailTo, mailsTo, makeHome, type Home, type RunningService } from '../support/process.js';
import { checkLedger, eventually } from '../support/service.js';
import { factsOf, one, settled, stateOf } from '../support/state.js';
import { linkIn, pressConfirm, settingsLink, signUp } from '../support/story.js';
import { formOf, get, headingOf, linksOf, post } from '../support/web.js';

describe('a log whose database was restored (P-21)', function () {
  this.timeout(180_000);
  let home: Home;
  let service: RunningService;
  let backup: Backup;
  let settings = '';
  let asked = '';
  let oldReceipt = '';
  let lostReceipt = '';

  before(async () => {
    home = await makeHome();
    service = await home.start();
    oldReceipt = await confirm('ada@gmail.com');
    expect((await signUp(service, 'gus@gmail.com')).status).to.equal(200);
    asked = linkIn(await mailTo(service, 'gus@gmail.com'), 'c');
    await home.look(settled);
    await service.stop();
    backup = await backUp(home);
    service = await home.start();
    lostReceipt = await confirm('boris@gmail.com');
    await home.look(settled);
    await service.stop();
    await backup.restore();
    service = await home.start();
  });
  after(async () => {
    await home.drop();
    await backup.drop();
  });

  /** Signs up and confirms; the receipt as a file. */
  async function confirm(email: string): Promise<string> {
    expect((await signUp(service, email)).status).to.equal(200);
    const page = await pressConfirm(linkIn(await mailTo(service, email), 'c'));
    settings ||= settingsLink(page);
    return receiptOf(page);
  }

  async function receiptOf(page: Awaited<ReturnType<typeof pressConfirm>>): Promise<string> {
    return (await get(linksOf(page, '/receipts/')[0] ?? '')).text;
  }

  const verified = async (receipt: string): Promise<number | null> => {
    const file = join(home.dataDir, 'receipt.json');
    await writeFile(file, receipt);
    return (await home.zgoda(['verify', file])).code;
  };

  it('refuses to sign, says so everywhere with what to do, and takes no page away', async () => {
    const ready = (await (await fetch(`${service.base}/readyz`)).json()) as { status: string; log: string };
    const [doctor, fsck] = [await home.zgoda(['doctor']), await home.zgoda(['ledger', 'fsck'])];

    expect(ready.status).to.equal('ready');
    for (const words of [ready.log, doctor.out, fsck.out, service.out() + service.err()])
      expect(words).to.contain('ledger continue --under-a-new-origin').and.contain('restored from an older state');
    expect([doctor.code, fsck.code]).to.deep.equal([1, 1]);
  });

  it('answers sign-ups and whoever leaves; confirmation mails wait', async () => {
    const size = await home.look(async (ctx) => one(ctx, 'select max(size)::int from log_checkpoint'));

    expect((await signUp(service, 'chen@gmail.com')).status).to.equal(200);
    const { action, fields } = formOf(await get(settings), 'preferences');
    expect(headingOf(await post(action, { ...fields, choice: 'leave' }))).to.contain('Saved');
    expect(await home.look(async (ctx) => stateOf(ctx, 'ada@gmail.com'))).to.equal('withdrawn');
    await eventually(async () => {
      const waiting = await home.look(async (ctx) => one<number>(ctx, 'select count(*)::int from log_queue'));
      expect(waiting).to.be.greaterThan(0);
    });

    expect(await mailsTo(service, 'chen@gmail.com')).to.deep.equal([]);
    expect(await home.look(async (ctx) => one(ctx, 'select max(size)::int from log_checkpoint'))).to.equal(size);
  });

  it('goes on only when it is told to, and not by half', async () => {
    const half = await home.zgoda(['ledger', 'continue']);

    expect(half.code).to.equal(1);
    expect(half.err).to.contain('--under-a-new-origin');
  });

  it('goes on under a new name: what waited gets its leaf and its mail', async () => {
    const origin = await home.look(async (ctx) => Promise.resolve(ctx.logOrigin));

    const done = await home.zgoda(['ledger', 'continue', '--under-a-new-origin', '--json']);

    expect(done.code, done.err).to.equal(0);
    expect((JSON.parse(done.out) as { origin: string }).origin).to.equal(`${origin}/2`);
    // The mail that waited is tried again after a while: a new start does not wait.
    await home.look(async (ctx) => ctx.db.query(`update delivery set due_at = now() where state = 'deferred'`));
    const page = await pressConfirm(linkIn(await mailTo(service, 'chen@gmail.com'), 'c'));
    expect(headingOf(page)).to.contain('Confirmed');
    expect(await verified(await receiptOf(page))).to.equal(0);
    await home.look(checkLedger);
    expect((await home.zgoda(['ledger', 'fsck'])).code).to.equal(0);
    expect((await home.zgoda(['ledger', 'continue', '--under-a-new-origin'])).code).to.equal(1);
  });

  it('proves what was asked for before and confirmed after, in one receipt', async () => {
    expect(await verified(await receiptOf(await pressConfirm(asked)))).to.equal(0);
  });

  it('keeps what was proven before, also what the database has lost', async () => {
    expect([await verified(oldReceipt), await verified(lostReceipt)]).to.deep.equal([0, 0]);
    const again = await home.look(
      async (ctx) => (await loadReceipt(ctx, (await factsOf(ctx, 'ada@gmail.com'))?.signUpId ?? '')).file,
    );
    // She left after it: no checkpoint under the new name lies between her offer and her confirmation.
    expect(await verified(again)).to.equal(2);
  });

  it('is signed with another key after a rotation, while the service runs', async () => {
    const done = await home.zgoda(['keys', 'rotate', '--log']);

    expect(done.code, done.err).to.equal(0);
    const receipt = await confirm('dora@gmail.com');
    const { log } = JSON.parse(receipt) as { log: { vkey: string; former_vkeys: string[] } };
    expect(done.out).to.contain(log.vkey);
    expect(log.former_vkeys).to.have.length(1);
    expect(await verified(receipt)).to.equal(0);
    expect(await readFile(home.keysFile, 'utf8')).to.contain('formerLogs');
    await service.stop();
    service = await home.start();
    expect(await verified(await confirm('eve@gmail.com'))).to.equal(0);
    await home.look(checkLedger);
  });
});

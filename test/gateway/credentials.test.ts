import { expect } from 'chai';
import { addCredential } from '../../server/gateway/add-credential.js';
import { credentialsOf, logIn } from '../../server/gateway/credential.js';
import { revokeCredential } from '../../server/gateway/revoke-credential.js';
import type { Context } from '../../server/context.js';
import { Refusal } from '../../server/errors.js';
import { makeTestContext, type TestContext } from '../support/context.js';
import { makeHome, type Home } from '../support/process.js';
import { dump } from '../support/state.js';

const OWNER = { who: 'operator', isOwner: true } as const;
const MARKETER = { who: 'staff:6f0d2b9e-6a34-4f0b-9d2a-3a8f6f1f2c11', isOwner: false } as const;

describe('a credential of the gateway', () => {
  let test: TestContext;
  let ctx: Context;

  before(async () => {
    test = await makeTestContext();
    ctx = test.ctx;
  });

  after(async () => test.drop());

  const codeOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof Refusal ? error.code : 'another error'),
    );

  it('logs in with its password, and with no other', async () => {
    const { userName, password, id } = await addCredential(ctx, { lists: ['news'], by: MARKETER });
    const other = await addCredential(ctx, { lists: ['news'], by: MARKETER });

    expect((await logIn(ctx, userName, password))?.id).to.equal(id);
    for (const wrong of [`${password}x`, '', other.password]) expect(await logIn(ctx, userName, wrong)).to.be.null;
    expect(await logIn(ctx, `${userName} `, password)).to.be.null;
    expect(Buffer.from(password, 'base64url')).to.have.length(32);
  });

  it('is kept without its password', async () => {
    const { password } = await addCredential(ctx, { lists: ['news'], by: OWNER });

    const rows = JSON.stringify(await dump(ctx));

    expect(rows).not.to.contain(password);
    expect(rows).not.to.contain(Buffer.from(password).toString('hex'));
  });

  it('is nothing to who can write SQL: none can be made, widened or brought back', async () => {
    const [one, two] = [
      await addCredential(ctx, { lists: ['news'], by: OWNER }),
      await addCredential(ctx, { lists: ['readings'], by: OWNER }),
    ];
    const revoked = await addCredential(ctx, { lists: ['news'], by: OWNER });
    await revokeCredential(ctx, { userName: revoked.userName, by: OWNER });

    await ctx.db.query('update gateway_credential set list_ids = $2 where id = $1', [one.id, two.listIds]);
    await ctx.db.query(
      'update gateway_credential set secret_hash = (select secret_hash from gateway_credential where id = $2), revoked_at = null where id = $1',
      [revoked.id, two.id],
    );

    expect(await logIn(ctx, one.userName, one.password)).to.be.null;
    for (const password of [revoked.password, two.password])
      expect(await logIn(ctx, revoked.userName, password)).to.be.null;
    expect((await credentialsOf(ctx, one.organisationId)).map(({ id }) => id))
      .to.include(two.id)
      .and.not.include(one.id);
  });

  it('is for lists of one organisation, or transactional and then made by an owner', async () => {
    const by = OWNER;

    expect(await codeOf(addCredential(ctx, { lists: ['nowhere'], by }))).to.equal('list-unknown');
    expect(await codeOf(addCredential(ctx, { lists: [], by }))).to.equal('body-invalid');
    expect(await codeOf(addCredential(ctx, { lists: ['news'], isTransactional: true, by }))).to.equal('body-invalid');
    expect(await codeOf(addCredential(ctx, { lists: ['news'], defaultList: 'readings', by }))).to.equal('body-invalid');
    expect(await codeOf(addCredential(ctx, { lists: ['news'], name: 'a\nb', by }))).to.equal('body-invalid');
    expect(await codeOf(addCredential(ctx, { lists: ['news'], dailyCap: 0, by }))).to.equal('body-invalid');
    expect(await codeOf(addCredential(ctx, { lists: [], isTransactional: true, by: MARKETER }))).to.equal(
      'not-allowed',
    );
    expect(await addCredential(ctx, { lists: [], isTransactional: true, by })).to.deep.include({ dailyCap: 1_000 });
  });

  it('of transactional mail is revoked by an owner only, and once is for good', async () => {
    const { userName } = await addCredential(ctx, { lists: [], isTransactional: true, by: OWNER });

    expect(await codeOf(revokeCredential(ctx, { userName, by: MARKETER }))).to.equal('not-allowed');
    const { revokedAt } = await revokeCredential(ctx, { userName, by: OWNER });
    expect((await revokeCredential(ctx, { userName, by: OWNER })).revokedAt).to.deep.equal(revokedAt);
    expect(await codeOf(revokeCredential(ctx, { userName: 'zg-0000000000000000', by: OWNER }))).to.equal('not-found');
  });
});

describe('zgoda credential', function () {
  this.timeout(60_000);
  let home: Home;

  before(async () => {
    home = await makeHome();
    const running = await home.start();
    await running.stop();
  });

  after(async () => home.drop());

  it('makes, shows and revokes', async () => {
    const added = await home.zgoda(['credential', 'add', '--list', 'news', '--name', 'CRM']);
    const json = await home.zgoda(['credential', 'add', '--transactional', '--cap', '5', '--json']);
    const [, user = '', password = ''] = /^User: (\S+)\nPassword: (\S+)\n$/.exec(added.out) ?? [];
    const listed = await home.zgoda(['credential', 'list', '--json']);
    const revoked = await home.zgoda(['credential', 'revoke', user]);
    const after = await home.zgoda(['credential', 'list']);

    expect([added.code, json.code, listed.code, revoked.code, after.code]).to.deep.equal([0, 0, 0, 0, 0]);
    expect(password).to.have.length(43);
    expect(JSON.parse(json.out)).to.have.keys('user', 'password');
    expect(JSON.parse(listed.out)).to.have.length(2);
    expect(listed.out).not.to.contain(password);
    expect(after.out).to.match(new RegExp(`^${user}  news  revoked .*  CRM$`, 'm'));
    expect(await home.look(async (ctx) => logIn(ctx, user, password))).to.be.null;
  });

  it('says what is wrong', async () => {
    const unknown = await home.zgoda(['credential', 'add', '--list', 'nowhere']);
    const none = await home.zgoda(['credential', 'add']);

    expect([unknown.code, none.code]).to.deep.equal([1, 1]);
    expect(unknown.err).to.contain('There is news, readings.');
  });
});

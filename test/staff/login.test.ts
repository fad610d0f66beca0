import { expect } from 'chai';
import { formToken } from '../../server/preferences/session.js';
import { addStaff } from '../../server/staff/add-staff.js';
import { logIn, staffOfSession, STAFF_SESSION_MS } from '../../server/staff/auth.js';
import { checkFirstRun, createOwner, firstRunLink } from '../../server/staff/first-run.js';
import { hashPassword, isPassword } from '../../server/staff/passwords.js';
import { makeKeyring, makeKeysFile, rotateKeysFile } from '../../server/keys/keyring.js';
import { makeFresh, type Fresh } from '../campaigns/fresh.js';

const ADA = '11111111-1111-4111-8111-111111111111';
const BORIS = '22222222-2222-4222-8222-222222222222';

describe('passwords', () => {
  const file = makeKeysFile(new Date());
  const keyring = makeKeyring(file);

  it('are known again, whichever way the letters are composed, and no others are', async () => {
    const stored = await hashPassword(keyring, ADA, 'zażółć gęślą');

    expect(await isPassword(keyring, ADA, stored, 'zażółć gęślą'.normalize('NFD'))).to.equal(true);
    expect(await isPassword(keyring, ADA, stored, 'zazolc gesla')).to.equal(false);
    expect(await isPassword(keyring, ADA, null, 'zażółć gęślą')).to.equal(false);
  });

  it('are salted, and worth nothing in the row of somebody else or under other keys', async () => {
    const stored = await hashPassword(keyring, ADA, 'a long password');

    expect(await hashPassword(keyring, ADA, 'a long password')).to.not.equal(stored);
    expect(await isPassword(keyring, BORIS, stored, 'a long password')).to.equal(false);
    expect(await isPassword(makeKeyring(makeKeysFile(new Date())), ADA, stored, 'a long password')).to.equal(false);
  });

  it('survive a rotation of the keys', async () => {
    const stored = await hashPassword(keyring, ADA, 'a long password');

    expect(await isPassword(makeKeyring(rotateKeysFile(file, new Date())), ADA, stored, 'a long password')).to.equal(
      true,
    );
  });

  for (const bad of ['short', 'a'.repeat(9), 'a'.repeat(1_001)]) {
    it(`are refused with ${bad.length} characters`, async () => {
      const error: unknown = await hashPassword(keyring, ADA, bad).catch((thrown: unknown) => thrown);

      expect(error).to.include({ code: 'body-invalid' });
    });
  }
});

describe('logins', () => {
  let fresh: Fresh;

  before(async () => {
    fresh = await makeFresh();
  });

  afterEach(async () => fresh.clear());

  after(async () => fresh.drop());

  const refusal = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no refusal',
      (error: unknown) => (error as { code?: unknown }).code,
    );

  it('open a session for twelve hours', async () => {
    const { password } = await addStaff(fresh.ctx, { email: 'Ada@example.org', role: 'marketer' });

    const secret = await logIn(fresh.ctx, { email: 'ada@EXAMPLE.org', password });

    expect(await staffOfSession(fresh.ctx, secret)).to.include({ address: 'Ada@example.org', role: 'marketer' });
    expect(formToken(fresh.ctx, secret)).to.have.length(32);
    fresh.advance(STAFF_SESSION_MS);
    expect(await staffOfSession(fresh.ctx, secret)).to.equal(null);
  });

  it('answer the same for an unknown address and a wrong password', async () => {
    await addStaff(fresh.ctx, { email: 'ada@example.org', role: 'owner', password: 'a long password' });

    for (const email of ['ada@example.org', 'boris@example.org', 'no address']) {
      expect(await refusal(logIn(fresh.ctx, { email, password: 'a wrong password' }))).to.equal('login-failed');
    }
  });

  it('are one for an address, of a role that exists', async () => {
    await addStaff(fresh.ctx, { email: 'ada@example.org', role: 'owner' });

    expect(await refusal(addStaff(fresh.ctx, { email: 'ADA@example.org', role: 'viewer' }))).to.equal('not-allowed');
    expect(await refusal(addStaff(fresh.ctx, { email: 'boris@example.org', role: 'king' }))).to.equal('body-invalid');
  });

  it('keep no address in plain text', async () => {
    await addStaff(fresh.ctx, { email: 'ada@example.org', role: 'owner' });

    const rows = await fresh.ctx.db.query<{ row: string }>('select s::text as row from staff s');
    expect(rows[0]?.row).not.to.contain('ada@').and.not.to.contain(Buffer.from('ada@').toString('hex'));
  });

  it('cannot be made by SQL: a copied password opens nothing', async () => {
    await addStaff(fresh.ctx, { email: 'ada@example.org', role: 'owner', password: 'the password of ada' });
    await addStaff(fresh.ctx, { email: 'eve@example.org', role: 'viewer', password: 'the password of eve' });
    await fresh.ctx.db.query(
      `update staff set password_hash = (select password_hash from staff where role = 'viewer') where role = 'owner'`,
    );

    expect(await refusal(logIn(fresh.ctx, { email: 'ada@example.org', password: 'the password of eve' }))).to.equal(
      'login-failed',
    );
  });
});

describe('the first run', () => {
  let fresh: Fresh;

  before(async () => {
    fresh = await makeFresh();
  });

  afterEach(async () => fresh.clear());

  after(async () => fresh.drop());

  const OWNER = { email: 'ada@example.org', password: 'a long password' };
  const secretOf = async (): Promise<string> => (await firstRunLink(fresh.ctx))?.split('/').at(-1) ?? '';
  const refusal = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no refusal',
      (error: unknown) => (error as { code?: unknown }).code,
    );

  it('makes one owner, though two press at once', async () => {
    const secret = await secretOf();

    const answers = await Promise.all([
      refusal(createOwner(fresh.ctx, secret, OWNER)),
      refusal(createOwner(fresh.ctx, secret, { ...OWNER, email: 'eve@example.org' })),
    ]);

    expect(answers.sort()).to.deep.equal(['link-used', 'no refusal']);
    expect(await firstRunLink(fresh.ctx)).to.equal(null);
  });

  it('ends after 30 minutes', async () => {
    const secret = await secretOf();
    fresh.advance(30 * 60_000);

    expect(await refusal(createOwner(fresh.ctx, secret, OWNER))).to.equal('link-expired');
  });

  it('knows the latest link only, and none that SQL put there', async () => {
    const former = await secretOf();
    const latest = await secretOf();

    expect(await refusal(checkFirstRun(fresh.ctx, former))).to.equal('link-damaged');
    expect(await refusal(checkFirstRun(fresh.ctx, latest))).to.equal('no refusal');
    await fresh.ctx.db.query(`update installation set first_run_hash = sha256('guess'::bytea)`);
    expect(await refusal(checkFirstRun(fresh.ctx, 'guess'))).to.equal('link-damaged');
  });

  it('is not used up by a bad password', async () => {
    const secret = await secretOf();

    expect(await refusal(createOwner(fresh.ctx, secret, { ...OWNER, password: 'short' }))).to.equal('body-invalid');
    expect(await refusal(createOwner(fresh.ctx, secret, OWNER))).to.equal('no refusal');
  });
});

import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { bytesOf } from '../../server/links/uuid.js';
import { evidenceKey } from '../../server/consent/chapter.js';
import type { Context } from '../../server/context.js';
import { decryptField } from '../../server/keys/field.js';
import { openCheckpoint } from '../../server/ledger/checkpoint.js';
import { verifyInclusion } from '../../server/ledger/merkle.js';
import { verifierKey } from '../../server/ledger/note.js';
import { inclusionProof } from '../../server/ledger/prove.js';
import type { ConsentRecord } from '../../server/ledger/record.js';
import { hashReader } from '../../server/ledger/store.js';
import { setup } from '../../server/consent/setup.js';
import { makeStamp } from '../../server/links/stamp.js';
import { makeLink, makeReplyToken, openLink, openReplyToken, type Link } from '../../server/links/token.js';
import { startDns, type TestDns } from '../support/dns.js';
import { findNeedles, type Needle } from '../support/needles.js';
import { handIn, openProvider, sendsOut, type Provider } from '../support/provider.js';
import { answerAddress, INBOUND, withReplies } from '../support/replies.js';
import { checkLedger, eventually, startTestService, type ReceivedMail, type TestService } from '../support/service.js';
import { startSink, type Sink, type SunkMail } from '../support/sink.js';
import { changesNothing, dump, one, settled, stateOf } from '../support/state.js';
import { linkIn, signUp } from '../support/story.js';
import { formOf, get, headingOf, post } from '../support/web.js';

const BLANK = Buffer.alloc(16);

/** What only the mailbox has: the link, and the address for answers. */
interface Offered {
  readonly mail: ReceivedMail;
  readonly token: string;
  readonly link: Link;
  readonly replyToken: string;
  readonly replySecret: Buffer;
}

describe('the secret of a confirmation link (T1)', function () {
  this.timeout(90_000);
  let service: TestService;
  let ctx: Context;
  let sink: Sink;
  let dns: TestDns;
  let provider: Provider;
  let log = '';
  /** What covered the offer of each mail when it arrived. */
  const covered = new Map<string, boolean>();

  before(async () => {
    sink = await startSink({ onMail: async (mail) => void covered.set(mail.to, await isCovered(mail)) });
    dns = await startDns();
    provider = openProvider(dns, 'example.org');
    service = await startTestService({
      settings: { SMTP_URL: sink.url, LOG_LEVEL: 'trace', DNS_SERVER: dns.server },
      log: { write: (line) => void (log += line) },
    });
    ctx = service.ctx;
    await setup(ctx, withReplies());
  });
  after(async () => {
    await checkLedger(ctx);
    await service.stop();
    await sink.stop();
    await dns.stop();
  });

  async function offered(email: string): Promise<Offered> {
    expect((await signUp(service, email)).status).to.equal(200);
    const sunk = await eventually(async () => {
      const found = sink.mails.find(({ to }) => to === email);
      expect(found, `a mail to ${email}`).to.not.equal(undefined);
      return Promise.resolve(found);
    });
    await settled(ctx);
    return read(sunk as SunkMail);
  }

  async function read(sunk: SunkMail): Promise<Offered> {
    const mail = { id: '', raw: sunk.raw, parsed: await simpleParser(sunk.raw) };
    const token = linkIn(mail, 'c').split('/').at(-1) ?? '';
    const replyToken = answerAddress(mail).slice(2, 50);
    const replySecret = openReplyToken(ctx.keyring, replyToken);
    return { mail, token, link: openLink(ctx.keyring, ctx.audiences, 'c', token, ctx.now()), replyToken, replySecret };
  }

  /** Does a signed tree head in the database cover the event that holds the hash of this mail's secret? */
  async function isCovered(sunk: SunkMail): Promise<boolean> {
    const { link } = await read(sunk);
    const [row] = await ctx.db.query<{ leaf_index: string; leaf_hash: Buffer; note: string }>(
      `select l.leaf_index, l.leaf_hash, k.note from offer o join log_leaf l on l.event_id = o.event_id join log_checkpoint k on k.size > l.leaf_index
       where o.secret_hash = $1 order by k.size limit 1`,
      [sha256(link.secret ?? BLANK)],
    );
    if (!row) return false;
    const { size, root } = openCheckpoint(row.note, [verifierKey(ctx.logOrigin, ctx.keyring.logPublic)]);
    const index = Number(row.leaf_index);
    const proof = await inclusionProof(hashReader(ctx.db), index, size);
    return verifyInclusion({ leafHash: row.leaf_hash, index, size, root, proof });
  }

  /** All that an intruder takes: every row, every file, the log, the keys, and what the keys decrypt. */
  async function loot(): Promise<Buffer[]> {
    const rows = Object.values(await dump(ctx)).flat();
    const files = await readdir(ctx.config.dataDir, { recursive: true, withFileTypes: true });
    const contents = files
      .filter((file) => file.isFile())
      .map(async (file) => readFile(join(file.parentPath, file.name)));
    const evidence = await evidenceOf(ctx);
    const mails = await Promise.all(evidence.map(async ({ mail }) => simpleParser(mail)));
    return [
      ...(await Promise.all(contents)),
      await readFile(ctx.config.keysFile),
      ...[rows.join('\n'), log, JSON.stringify(evidence)].map((text) => Buffer.from(text)),
      ...mails.flatMap(({ text, html }) => [Buffer.from(text ?? ''), Buffer.from(html || '')]),
    ];
  }

  it('is in no row, no file, no log line and no decrypted evidence while the sign-up is pending', async () => {
    const { token, link, replyToken, replySecret } = await offered('boris@example.org');
    const secret = link.secret ?? BLANK;
    const needles: Needle[] = [
      { name: 'the token', value: token },
      { name: 'the token without its tag', value: Buffer.from(token, 'base64url').subarray(7, 39) },
      { name: 'the secret', value: secret },
      { name: 'the token for answers', value: replyToken },
      { name: 'the token for answers without its tag', value: replyToken.slice(0, 25) },
      { name: 'the secret for answers', value: replySecret },
    ];

    const taken = await loot();

    expect(findNeedles(taken, needles)).to.deep.equal([]);
    // The hay is no straw: its hash and the link's ref are there, and so are the decrypted address and the log.
    for (const value of [sha256(secret), sha256(replySecret), link.ref, 'boris@example.org', '"msg":"started"'])
      expect(findNeedles(taken, [{ name: String(value), value }])).to.not.deep.equal([]);
  });

  it('cannot be replaced: links minted with the keys and the dump confirm nothing', async () => {
    const { mail, link } = await offered('chen@example.org');
    const [row] = await ctx.db.query<{ id: string; secret_hash: Buffer; expires_at: Date; event_id: string }>(
      'select id, secret_hash, expires_at, event_id from offer where id = $1::uuid',
      [link.ref.toString('hex')],
    );
    if (!row) throw new Error('the offer is not in the dump');
    const guesses = [BLANK, row.secret_hash.subarray(0, 16), row.secret_hash.subarray(16), link.ref, randomBytes(16)];
    const mint = (secret: Buffer): string => {
      const known = { purpose: 'c', ref: bytesOf(row.id), expiresAt: row.expires_at, secret } as const;
      return `${service.base}/c/${makeLink(ctx.keyring, new URL(service.base).host, known)}`;
    };
    const shown = `en~${'0'.repeat(64)}~${ctx.now().getTime().toString(36)}~1`;
    const stamp = makeStamp(ctx.keyring, 'confirm', `${row.id}\0${shown.replaceAll('~', '\0')}`, ctx.now());
    const nonce = `${shown}~${stamp}`;

    await changesNothing(ctx, async () => {
      for (const guess of guesses) {
        expect((await get(mint(guess))).status, guess.toString('hex')).to.equal(410);
        expect((await post(mint(guess), { nonce })).status, guess.toString('hex')).to.equal(410);
      }
    });

    expect(await stateOf(ctx, 'chen@example.org')).to.equal('pending');
    // With the secret of the mail the very same way confirms.
    expect(mint(link.secret ?? BLANK)).to.equal(linkIn(mail, 'c'));
    expect(headingOf(await post(mint(link.secret ?? BLANK), { nonce }))).to.contain('Confirmed');
  });

  it('cannot be replaced in an answer either, even one that the person has signed', async () => {
    const email = 'erin@example.org';
    const { mail, link, replySecret } = await offered(email);
    const [row] = await ctx.db.query<{ id: string; hash: Buffer }>(
      'select id, reply_secret_hash as hash from offer where id = $1::uuid',
      [link.ref.toString('hex')],
    );
    if (!row) throw new Error('the offer is not in the dump');
    const address = (secret: Buffer): string => `y+${makeReplyToken(ctx.keyring, secret)}@${INBOUND}`;
    const says = async (to: string): Promise<number> => {
      const raw = await sendsOut(provider, { from: email, to, body: 'CONFIRM' }, ctx.now());
      return (await handIn(service, raw, { sender: email, to })).code;
    };
    const guesses = [BLANK, row.hash.subarray(0, 16), row.hash.subarray(16), bytesOf(row.id), link.secret ?? BLANK];

    await changesNothing(ctx, async () => {
      for (const guess of guesses) expect(await says(address(guess)), guess.toString('hex')).to.equal(550);
    });
    expect(await stateOf(ctx, email)).to.equal('pending');

    // With SQL as well: a hash of one's own is not under the seal of the offer (T6).
    const own = randomBytes(16);
    await ctx.db.query('update offer set reply_secret_hash = $2 where id = $1', [row.id, sha256(own)]);
    expect(await says(address(own))).to.equal(550);
    await ctx.db.query('update offer set reply_secret_hash = $2 where id = $1', [row.id, row.hash]);
    expect(await stateOf(ctx, email)).to.equal('pending');

    // With the address from the mail the very same way confirms.
    expect(address(replySecret)).to.equal(answerAddress(mail));
    expect(await says(address(replySecret))).to.equal(250);
    expect(await stateOf(ctx, email)).to.equal('confirmed');
  });

  it('leaves as evidence the mail with its link blanked, and the hash of the bytes that left', async () => {
    const { mail, token, link, replyToken, replySecret } = await offered('ada@example.org');
    const { action, fields } = formOf(await get(linkIn(mail, 'c')), 'confirm');
    expect(headingOf(await post(action, fields))).to.contain('Confirmed');

    const all = await evidenceOf(ctx);
    const own = all.filter(
      ({ signUpId }) => signUpId === all.find(({ address }) => address === 'ada@example.org')?.signUpId,
    );
    const kept = own.find(({ record }) => record.kind === 'offered');
    const blanked = await simpleParser(kept?.mail ?? '');
    const blankedToken =
      linkIn({ id: '', raw: Buffer.alloc(0), parsed: blanked }, 'c')
        .split('/')
        .at(-1) ?? '';

    expect(kept?.record.mail?.sha256).to.equal(sha256(mail.raw).toString('hex'));
    expect(openLink(ctx.keyring, ctx.audiences, 'c', blankedToken, ctx.now())).to.deep.equal({
      ...link,
      secret: BLANK,
    });
    // Whoever brings link and address from the mailbox has the mail that left, to the byte.
    const blankedReply = answerAddress({ parsed: blanked }).slice(2, 50);
    expect(openReplyToken(ctx.keyring, blankedReply)).to.deep.equal(BLANK);
    expect(unwrapped(kept?.mail).replaceAll(blankedToken, token).replace(blankedReply, replyToken)).to.equal(
      unwrapped(mail.raw.toString('latin1')),
    );
    expect(kept?.record.token?.secret_sha256).to.equal(sha256(link.secret ?? BLANK).toString('hex'));
    expect(kept?.record.token?.reply_secret_sha256).to.equal(sha256(replySecret).toString('hex'));
    expect(own.find(({ record }) => record.kind === 'confirmed')?.record.secret).to.equal(
      link.secret?.toString('base64url'),
    );
  });

  it('leaves in a mail only when a signed tree head covers its hash', async () => {
    expect([...covered.keys()]).to.include.members(['boris@example.org', 'chen@example.org', 'ada@example.org']);
    expect([...covered].filter(([, isSo]) => !isSo)).to.deep.equal([]);

    // A log that takes no leaves holds the mail back until it takes them again.
    const begun = sink.begun();
    await ctx.db.query('alter table log_leaf add constraint stalled check (false) not valid');
    expect((await signUp(service, 'dora@example.org')).status).to.equal(200);
    await eventually(
      async () => expect(await one(ctx, `select reason from delivery where state = 'deferred'`)).to.equal('build'),
      30_000,
    );
    expect(sink.begun()).to.equal(begun);

    await ctx.db.query('alter table log_leaf drop constraint stalled');
    service.advance(61_000);
    await eventually(async () => Promise.resolve(expect(covered.get('dora@example.org')).to.equal(true)), 30_000);
  });
});

interface Evidence {
  readonly signUpId: string;
  readonly record: ConsentRecord;
  readonly address: string;
  readonly mail: string;
}

/** Every record with its fields, decrypted with the keys. */
async function evidenceOf(ctx: Context): Promise<Evidence[]> {
  const rows = await ctx.db.query<{
    id: string;
    sign_up: string;
    key: Buffer;
    record: Buffer;
    address: Buffer | null;
    mail: Buffer | null;
  }>(
    `select b.event_id as id, b.sign_up_id as sign_up, u.evidence_key as key, b.record, b.address, b.mail
     from event_body b join sign_up u on u.id = b.sign_up_id`,
  );
  return rows.map((row) => {
    const key = evidenceKey(ctx.keyring, row.sign_up, row.key);
    const opened = (column: 'record' | 'address' | 'mail'): Record<string, unknown> => {
      const sealed = row[column];
      if (!sealed) return { value: '' };
      const text = decryptField(key, { table: 'event_body', column, row: row.id }, sealed).toString();
      return JSON.parse(text) as Record<string, unknown>;
    };
    return {
      signUpId: row.sign_up,
      record: opened('record')['record'] as ConsentRecord,
      address: String(opened('address')['value']),
      mail: String(opened('mail')['value']),
    };
  });
}

/** Quoted-printable lines without their soft breaks: a link may be cut anywhere. */
function unwrapped(mail = ''): string {
  return mail.replaceAll('=\r\n', '');
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

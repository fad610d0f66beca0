import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { evidenceKey } from '../../server/consent/chapter.js';
import { decryptField } from '../../server/keys/field.js';
import { logVkey } from '../../server/ledger/store.js';
import { commitField, type ConsentRecord } from '../../server/ledger/record.js';
import { subscribeByHand } from '../../server/staff/cli.js';
import { verifyReceipt } from '../../server/verify/verify.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { staffBrowser, wordsOf, type SentFile, type StaffBrowser } from '../support/staff.js';
import { factsOf, one, settled, stateOf } from '../support/state.js';
import { join as joinList, linkIn, pressConfirm } from '../support/story.js';
import { formOf, get, headingOf, linksOf, type Page } from '../support/web.js';

const NOTE = 'Mrs Quill called the shop, spoke with Tom and asked for the news.';
const PDF = Buffer.from('%PDF-1.7\n% a paper that somebody signed\n');
const SCAN: SentFile = { field: 'scan', name: 'paper.pdf', bytes: PDF };

describe('a sign-up by phone or on paper', () => {
  let service: TestService;
  let owner: StaffBrowser;

  before(async () => {
    service = await startTestService();
    owner = await staffBrowser(service, 'owner');
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  /** The id of the newest wording of a list. */
  async function wording(list = 'news', language = 'en'): Promise<string> {
    return one(
      service.ctx,
      'select w.id from wording w join list l on l.id = w.purpose_id where l.slug = $1 and w.language = $2 order by version desc',
      [list, language],
    );
  }

  async function call(email: string, more: Record<string, string> = {}): Promise<Record<string, string>> {
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    return { email, how: 'phone', day: yesterday, time: '14:05', wording: await wording(), note: NOTE, ...more };
  }

  async function enter(fields: Record<string, string>, file?: SentFile, by = owner): Promise<Page> {
    return by.send('/admin/people/new', 'enter', fields, file ?? { field: 'scan', name: '', bytes: Buffer.alloc(0) });
  }

  const leaves = async (): Promise<number> => {
    await settled(service.ctx);
    return one(service.ctx, 'select count(*)::int from log_leaf');
  };

  /** A record of somebody's chapter, with the fields that were kept beside it. */
  async function recordOf(
    email: string,
    kind: string,
  ): Promise<{ record: ConsentRecord; open: (name: string) => Promise<Opened> }> {
    const { ctx } = service;
    const { signUpId } = (await factsOf(ctx, email)) ?? { signUpId: '' };
    const key = evidenceKey(
      ctx.keyring,
      signUpId,
      await one(ctx, 'select evidence_key from sign_up where id = $1', [signUpId]),
    );
    const id = await one<string>(ctx, 'select id from consent_event where sign_up_id = $1 and kind = $2', [
      signUpId,
      kind,
    ]);
    const decrypt = (column: string, sealed: Buffer): unknown =>
      JSON.parse(decryptField(key, { table: 'event_body', column, row: id }, sealed).toString());
    const body = await one<Buffer>(ctx, 'select record from event_body where event_id = $1', [id]);
    const { record } = decrypt('record', body) as { record: ConsentRecord };
    const open = async (name: string): Promise<Opened> =>
      decrypt(
        name,
        await one(ctx, 'select sealed from event_attachment where event_id = $1 and name = $2', [id, name]),
      ) as Opened;
    return { record, open };
  }

  interface Opened {
    readonly salt: string;
    readonly value: string;
  }

  it('becomes a consent only by the press of the button, and the receipt of it verifies', async () => {
    const noted = await owner.follow(await enter(await call('ada@gmail.com'), SCAN));
    const mail = await service.mailTo('ada@gmail.com');
    expect(wordsOf(noted))
      .to.contain('The sign-up is noted.')
      .and.to.contain('Only the press of its button makes a consent');
    expect(await stateOf(service.ctx, 'ada@gmail.com')).to.equal('pending');

    const page = await pressConfirm(linkIn(mail, 'c'));

    expect(await stateOf(service.ctx, 'ada@gmail.com')).to.equal('confirmed');
    const receipt = await get(linksOf(page, '/receipts/')[0] ?? '');
    expect(verifyReceipt(receipt.text, { vkeys: [logVkey(service.ctx)] }).exitCode).to.equal(0);
    expect(receipt.text).to.contain('"collection_method": "phone"').and.to.contain(`"entity": "staff:${owner.id}"`);
    // What staff wrote about a person, and what others may have signed, is not handed on with it.
    expect(receipt.text).not.to.contain('Mrs Quill').and.not.to.contain(PDF.toString('base64'));
  });

  it('is recorded with how, when and by whom, and with commitments to note and scan that verify', async () => {
    const { record, open } = await recordOf('ada@gmail.com', 'requested');

    const [note, scan] = [await open('note'), await open('scan')];

    expect(record).to.deep.include({ collection_method: 'phone', entity: `staff:${owner.id}`, kind: 'requested' });
    expect(record.said_at).to.match(/T1[23]:05:00\.000Z$/);
    expect(note.value).to.equal(NOTE);
    expect(scan.value).to.equal(`data:application/pdf;base64,${PDF.toString('base64')}`);
    for (const [name, { salt, value }] of Object.entries({ note, scan }))
      expect(record.fields?.[name as 'note'], name).to.equal(commitField(Buffer.from(salt, 'base64'), name, value));
    expect(record.fields).not.to.have.any.keys('ip', 'user_agent');
    expect(await one(service.ctx, `select count(*)::int from sign_up where source = 'staff'`)).to.equal(1);
  });

  for (const [language, how, said, requested] of [
    [
      'en',
      'phone',
      /on \d+ \w+ 20\d\d Wisła Bookshop \(demo\) noted by phone that this address wishes to receive e-mail\./,
      /, by phone/,
    ],
    ['pl', 'paper', /zanotowano \(na papierze\), że na ten adres mają przychodzić wiadomości\./, /, na papierze/],
  ] as const) {
    it(`is told as it was in the mail and on its page, in ${language}`, async () => {
      const email = `${language}.${how}@gmail.com`;
      await enter(await call(email, { how, wording: await wording('news', language) }));
      const mail = await service.mailTo(email);

      const page = await get(linkIn(mail, 'c'));

      const text = (mail.parsed.text ?? '').replace(/\s+/g, ' ');
      expect(text).to.match(said);
      expect(String(mail.parsed.html).replace(/\s+/g, ' ')).to.match(said);
      expect(wordsOf(page)).to.match(requested);
    });
  }

  it('needs only the day of a paper', async () => {
    await enter(await call('paper@gmail.com', { how: 'paper', time: '' }), SCAN);
    await service.mailTo('paper@gmail.com');

    const { record } = await recordOf('paper@gmail.com', 'requested');

    expect(record.said_at).to.match(/^\d{4}-\d\d-\d\d$/);
  });

  it('adds two leaves, whatever the state of the address (T2)', async () => {
    await joinList(service, 'boris@gmail.com');
    for (const email of ['fresh@gmail.com', 'boris@gmail.com', 'ada@gmail.com']) {
      const before = await leaves();

      await enter(await call(email));

      expect((await leaves()) - before, email).to.equal(2);
    }
    expect((await service.mailTo('boris@gmail.com', 2)).parsed.subject).to.match(/^Already on the list/);
  });

  it('leads to the page of the person, which tells what came of it', async () => {
    const answer = await enter(await call('boris@gmail.com', { wording: await wording('readings') }));
    await settled(service.ctx);

    const words = wordsOf(await owner.follow(answer));

    expect(words).to.contain('boris@gmail.com').and.to.contain(`Entered by ${owner.email}`);
    expect(words)
      .to.contain('By phone')
      .and.to.match(/Said on \d+ \w+ \d{4} at 14:05/);
    expect(words).to.contain('Waits for confirmation');
  });

  it('is refused field by field, in words, and keeps nothing', async () => {
    const before = await leaves();
    const good = await call('eve@gmail.com');
    const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
    const mistakes: readonly (readonly [Record<string, string>, SentFile | undefined, string])[] = [
      [{ email: 'eve at gmail' }, undefined, '#email'],
      [{ how: 'dove' }, undefined, '#how'],
      [{ day: '' }, undefined, '#day'],
      [{ day: tomorrow }, undefined, '#day'],
      [{ day: '1926-11-03' }, undefined, '#day'],
      [{ day: '2026-02-30' }, undefined, '#day'],
      [{ time: '' }, undefined, '#time'],
      [{ wording: '00000000-0000-4000-8000-000000000000' }, undefined, '#wording'],
      [{ note: ' ' }, undefined, '#note'],
      [{ note: 'a'.repeat(2001) }, undefined, '#note'],
      [{}, { field: 'scan', name: 'paper.pdf', bytes: Buffer.from('<script>alert(1)</script>') }, '#scan'],
      [{}, { field: 'scan', name: 'paper.pdf', bytes: Buffer.concat([PDF, Buffer.alloc(5_000_000)]) }, '#scan'],
    ];
    for (const [fields, file, place] of mistakes) {
      const page = await enter({ ...good, ...fields }, file);

      expect([page.status, JSON.stringify(fields)]).to.deep.equal([422, JSON.stringify(fields)]);
      expect(page.text, JSON.stringify(fields)).to.contain(`<a href="${place}">`);
      expect(page.text)
        .to.contain('Nothing was kept')
        .and.to.match(/<title>Error:/);
    }
    expect(await leaves()).to.equal(before);
    expect(await service.mailsTo('eve@gmail.com')).to.equal(0);
  });

  it('is for owners and marketers; viewers and other sites enter nothing', async () => {
    const [marketer, viewer] = [await staffBrowser(service, 'marketer'), await staffBrowser(service, 'viewer')];
    const before = await leaves();

    const shown = await viewer.see('/admin/people/new');
    const { action, fields } = formOf(await viewer.see('/admin/people'), 'find');
    const body = new URLSearchParams({ ...fields, ...(await call('eve@gmail.com')) });
    const sent = await fetch(action.replace('/people', '/people/new'), {
      method: 'POST',
      body,
      headers: { cookie: viewer.cookie },
    });
    const foreign = await fetch(`${service.base}/admin/people/new`, {
      ...{ method: 'POST', body: new FormData(), headers: { cookie: owner.cookie, origin: 'https://evil.example' } },
    });

    expect([shown.status, sent.status, foreign.status]).to.deep.equal([403, 403, 403]);
    expect(headingOf(shown)).to.equal('Your login may look, not send');
    expect(await leaves()).to.equal(before);
    expect((await enter(await call('greta@gmail.com'), undefined, marketer)).status).to.equal(303);
  });

  it('spends the budget of unanswered mails like any other (L-12)', async () => {
    const limited = await startTestService({ settings: { ABUSE_LIMITS: 'on' } });
    try {
      const by = await staffBrowser(limited, 'owner');
      const input = {
        email: 'boris@gmail.com',
        list: 'news',
        how: 'phone',
        at: new Date().toISOString(),
        note: NOTE,
      } as const;
      for (let times = 0; times < 3; times += 1) await subscribeByHand(limited.ctx, { ...input, by: by.email });
      await settled(limited.ctx);

      expect(await limited.mailsTo('boris@gmail.com')).to.equal(1);
      expect(await one(limited.ctx, `select count(*)::int from sign_up where outcome = 'budget'`)).to.equal(2);
      await checkLedger(limited.ctx);
    } finally {
      await limited.stop();
    }
  });

  describe('on the command line', () => {
    let folder: string;
    before(async () => (folder = await mkdtemp(join(tmpdir(), 'zgoda-scan-'))));
    after(async () => rm(folder, { recursive: true, force: true }));

    async function zgoda(...args: string[]): Promise<{ code: number; out: string; err: string }> {
      const { config } = service.ctx;
      const env = {
        ...process.env,
        ...{ DATA_DIR: config.dataDir, KEYS_FILE: config.keysFile, PUBLIC_URL: service.ctx.publicUrl },
        ...{ DATABASE_URL: config.databaseUrl ?? '', LOG_LEVEL: 'fatal' },
      };
      try {
        const { stdout, stderr } = await promisify(execFile)(process.execPath, ['dist/server/cli.js', ...args], {
          env,
        });
        return { code: 0, out: stdout, err: stderr };
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
        return { code, out: stdout, err: stderr };
      }
    }

    it('notes a paper with its scan while the service runs, and the mail goes', async () => {
      const scan = join(folder, 'paper.pdf');
      await writeFile(scan, PDF);
      const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

      const done = await zgoda(
        ...['subscribe', '--email', 'paula@gmail.com', '--list', 'news', '--how', 'paper', '--at', day],
        ...['--scan', scan, '--by', owner.email, '--language', 'pl', '--json'],
      );

      expect([done.code, done.err]).to.deep.equal([0, '']);
      expect(JSON.parse(done.out)).to.have.property('signUp');
      const mail = await service.mailTo('paula@gmail.com');
      expect(mail.parsed.subject).to.match(/^Potwierdź zapis/);
      const { record, open } = await recordOf('paula@gmail.com', 'requested');
      expect(record).to.deep.include({ collection_method: 'paper', said_at: day, entity: `staff:${owner.id}` });
      expect((await open('scan')).value).to.contain(PDF.toString('base64'));
      await pressConfirm(linkIn(mail, 'c'));
      expect(await stateOf(service.ctx, 'paula@gmail.com')).to.equal('confirmed');
    });

    it('says in a sentence what is missing, and notes nothing', async () => {
      const before = await leaves();
      const good = [
        'subscribe',
        '--email',
        'eve@gmail.com',
        '--list',
        'news',
        '--how',
        'phone',
        '--at',
        '2026-11-03T14:05',
      ];
      const at = ['--at', new Date(Date.now() - 3_600_000).toISOString()];
      const wrong = join(folder, 'wrong.png');
      await writeFile(wrong, 'GIF89a');
      const mistakes: readonly (readonly [number, string[], RegExp])[] = [
        [64, good.slice(0, 5), /required option '--how/],
        [64, [...good, '--how', 'dove'], /phone, paper/],
        [1, [...good, ...at], /A note or a scan is needed/],
        [1, [...good, ...at, '--note', 'x', '--email', 'eve'], /needs an @/],
        [1, [...good, ...at, '--note', 'x', '--list', 'nowhere'], /There is news, readings/],
        [1, [...good, '--note', 'x', '--at', 'soon'], /is no day and time/],
        [1, [...good, '--note', 'x', '--at', at[1]?.slice(0, 10) ?? ''], /Of a call, the time is needed/],
        [1, [...good, ...at, '--note', 'x', '--language', 'de'], /speaks en, pl/],
        [1, [...good, ...at, '--scan', wrong], /PDF, PNG or JPEG/],
        [1, [...good, ...at, '--scan', join(folder, 'none.pdf')], /cannot be read/],
        [1, [...good, ...at, '--scan', folder], /is not a file/],
        [1, [...good, ...at, '--note', 'x', '--by', 'eve@gmail.com'], /Nobody has a login/],
        [1, [...good, ...at, '--note', 'x', '--by', 'viewer@workshop.example'], /may look/],
      ];
      for (const [code, args, words] of mistakes) {
        const { code: exit, err } = await zgoda(...args);

        expect([exit, args.join(' ')]).to.deep.equal([code, args.join(' ')]);
        expect(err).to.match(words);
      }
      expect(await leaves()).to.equal(before);
    });
  });
});

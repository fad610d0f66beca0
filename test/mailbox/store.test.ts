import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openMailbox } from '../../server/mailbox/store.js';

const mail = (subject: string) => Buffer.from(`Subject: ${subject}\r\nFrom: News <news@zgoda.example>\r\n\r\nHi\r\n`);

describe('mailbox/store', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mailbox-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('gives back byte for byte what was added, from a buffer and from a stream', async () => {
    const mailbox = await openMailbox(join(folder, 'new', 'folder'));
    const raw = mail('Cześć');

    const first = await mailbox.add({ from: 'b+x@z.example', to: 'ada@example.org', raw });
    const second = await mailbox.add({ from: '', to: 'boris@example.org', raw: Readable.from([raw, raw]) });

    expect(await mailbox.read(first)).to.deep.equal(raw);
    expect(await mailbox.read(second)).to.deep.equal(Buffer.concat([raw, raw]));
    expect((await stat(join(folder, 'new', 'folder'))).mode & 0o777).to.equal(0o700);
  });

  it('lists newest first with subject, addresses, date and size, also after a restart', async () => {
    const mailbox = await openMailbox(folder);
    await mailbox.add({ from: 'b+x@z.example', to: 'ada@example.org', raw: mail('first') });
    await mailbox.add({ from: 'b+y@z.example', to: 'odd,"/%..@example.org', raw: mail('=?utf-8?Q?=C5=BC?=') });

    const entries = await mailbox.list({ limit: 10 });
    const reopened = await (await openMailbox(folder)).list({ limit: 10 });

    expect(entries.map(({ subject, to, from, envelopeFrom }) => [subject, to, from, envelopeFrom])).to.deep.equal([
      ['ż', 'odd,"/%..@example.org', 'News <news@zgoda.example>', 'b+y@z.example'],
      ['first', 'ada@example.org', 'News <news@zgoda.example>', 'b+x@z.example'],
    ]);
    expect(entries[1]).to.include({ size: mail('first').length });
    expect(Math.abs(Date.now() - Date.parse(entries[0]!.date))).to.be.below(60_000);
    expect(reopened).to.deep.equal(entries);
  });

  it('pages by id and searches by recipient', async () => {
    const mailbox = await openMailbox(folder);
    for (const to of ['ada@example.org', 'joada@example.org', 'ADA@example.org', 'boris@example.net']) {
      await mailbox.add({ from: '', to, raw: mail(to) });
    }
    const subjects = async (query: object) =>
      (await mailbox.list({ limit: 10, ...query })).map(({ subject }) => subject);
    const newest = await mailbox.list({ limit: 2 });

    const rest = await subjects({ before: newest[1]!.id });

    expect(rest).to.deep.equal(['joada@example.org', 'ada@example.org']);
    expect(await subjects({ to: 'ada@example.org' })).to.deep.equal(['ADA@example.org', 'ada@example.org']);
    expect(await subjects({ to: 'ada' })).to.have.length(3);
    expect(await subjects({ to: '@EXAMPLE.net' })).to.deep.equal(['boris@example.net']);
    expect(await subjects({ to: 'dora' })).to.deep.equal([]);
  });

  it('finds the recipient of an address that is too long for a file name in the header', async () => {
    const mailbox = await openMailbox(folder);
    const to = `${'ż'.repeat(60)}@example.org`;

    await mailbox.add({ from: '', to, raw: Buffer.from(`To: ${to}\r\nSubject: long\r\n\r\n`) });

    expect((await mailbox.list({ limit: 1, to }))[0]).to.include({ subject: 'long', to });
  });

  it('keeps the newest and deletes the oldest', async () => {
    const mailbox = await openMailbox(folder, { keep: 3 });
    const ids = [];

    for (let i = 0; i < 5; i += 1) ids.push(await mailbox.add({ from: '', to: 'a@b.example', raw: mail(`${i}`) }));

    expect((await mailbox.list({ limit: 10 })).map(({ subject }) => subject)).to.deep.equal(['4', '3', '2']);
    expect(await mailbox.read(ids[0]!)).to.equal(null);
    expect(await readdir(folder)).to.have.length(3);
  });

  it('forgets everything on clear', async () => {
    const mailbox = await openMailbox(folder);
    const id = await mailbox.add({ from: '', to: 'a@b.example', raw: mail('x') });

    await mailbox.clear();

    expect([await mailbox.count(), await mailbox.list({ limit: 1 }), await mailbox.read(id)]).to.deep.equal([
      0,
      [],
      null,
    ]);
    expect(await readdir(folder)).to.be.empty;
  });

  it('sees what another process adds', async () => {
    const [mine, theirs] = [await openMailbox(folder), await openMailbox(folder)];
    await theirs.add({ from: '', to: 'ada@example.org', raw: mail('theirs') });

    let entries = await mine.list({ limit: 1 });
    while (entries.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      entries = await mine.list({ limit: 1 });
    }

    expect(entries[0]?.subject).to.equal('theirs');
  });

  it('knows no id that is a path', async () => {
    const mailbox = await openMailbox(join(folder, 'inner'));
    await writeFile(join(folder, 'secret.eml'), 'secret');
    const id = await mailbox.add({ from: '', to: 'a@b.example', raw: mail('x') });

    for (const bad of [
      '../secret',
      '..',
      '',
      '.',
      `${id}/../../secret`,
      `${id}\0`,
      id.toUpperCase(),
      `${id}0`,
      '%2e%2e%2fsecret',
    ]) {
      expect(await mailbox.read(bad)).to.equal(null);
    }
  });

  it('skips foreign files and removes what an old process left half-written', async () => {
    const [old, young] = ['01a20babb1d4000228ad86', '01a20babb1d4000228ad87'].map((id) => join(folder, `.${id}.tmp`));
    for (const file of [old!, young!, join(folder, 'notes.txt'), join(folder, '01a20babb1d4000228ad88,%zz,.eml')]) {
      await writeFile(file, 'x');
    }
    await utimes(old!, 1, 1);

    const mailbox = await openMailbox(folder);

    expect(await mailbox.count()).to.equal(0);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).to.deep.equal([
      '.01a20babb1d4000228ad87.tmp',
    ]);
  });

  it('gives ids that sort by arrival, however many come in a millisecond', async () => {
    const mailbox = await openMailbox(folder);

    const ids = await Promise.all(
      Array.from({ length: 300 }, async () => mailbox.add({ from: '', to: 'a@b.example', raw: mail('x') })),
    );

    expect(new Set(ids).size).to.equal(300);
    expect([...ids].sort()).to.deep.equal(ids);
  });

  it('lists 2,000 mails by opening only those that it shows', async () => {
    const writer = await openMailbox(folder);
    for (let i = 0; i < 2_000; i += 1) await writer.add({ from: '', to: `r${i}@example.org`, raw: mail(`${i}`) });
    // Whoever opened one of these would fail.
    for (const name of (await readdir(folder)).sort().slice(0, 1_900)) {
      await rm(join(folder, name));
      await mkdir(join(folder, name));
    }

    const mailbox = await openMailbox(folder);

    expect(await mailbox.count()).to.equal(2_000);
    expect(await mailbox.list({ limit: 100 })).to.have.length(100);
    expect(await mailbox.list({ limit: 100, to: 'r1950@' })).to.have.length(1);
  });

  it('holds every mail that was acknowledged, and none in part, after kill -9', async () => {
    const writer = spawn(process.execPath, [new URL('./writer.js', import.meta.url).pathname, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    for await (const chunk of writer.stdout) {
      printed += String(chunk);
      if (printed.length > 23 * 40) break;
    }
    writer.kill('SIGKILL');
    if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
    const acknowledged = printed.split('\n').slice(0, -1);

    const mailbox = await openMailbox(folder);
    const ids = (await mailbox.list({ limit: 10_000 })).map(({ id }) => id);

    expect(ids).to.include.members(acknowledged);
    for (const id of ids) expect((await mailbox.read(id))?.toString().endsWith('\r\nend\r\n')).to.equal(true);
  });
});

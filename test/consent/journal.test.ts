import { appendFile, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openJournal, type Journal, type JournalEntry } from '../../server/consent/journal.js';

describe('the journal of withdrawals', () => {
  let dataDir = '';
  let path = '';
  let journal: Journal;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'zgoda-journal-'));
    path = join(dataDir, 'journal', 'withdrawals.jsonl');
    journal = await openJournal(dataDir);
  });

  afterEach(async () => {
    await journal.close();
    await rm(dataDir, { recursive: true });
  });

  it('gives back what was written, oldest first, also to another process', async () => {
    await journal.write([withdrawal(1), suppression(2)]);
    await journal.write([withdrawal(3)]);

    const again = await openJournal(dataDir);

    expect(await all(journal)).to.deep.equal([withdrawal(1), suppression(2), withdrawal(3)]);
    expect(await all(again)).to.deep.equal([withdrawal(1), suppression(2), withdrawal(3)]);
    await again.close();
  });

  it('is empty at first and stays so when nothing is written', async () => {
    await journal.write([]);

    expect(await all(journal)).to.be.empty;
    expect((await stat(path)).size).to.equal(0);
  });

  it('has every entry on disk once its write has resolved, however many write at once', async () => {
    let missing = 0;

    await Promise.all(
      Array.from({ length: 500 }, async (_, number) => {
        await journal.write([withdrawal(number), suppression(number)]);
        const onDisk = await readFile(path, 'utf8');
        if (!onDisk.includes(`"consent":"${number}"`) || !onDisk.includes(`"hash":"${number}"`)) missing++;
      }),
    );

    expect(missing).to.equal(0);
    expect(await all(journal)).to.have.length(1000);
  });

  it('keeps the entries of two processes apart', async () => {
    const other = await openJournal(dataDir);

    await Promise.all(
      Array.from({ length: 200 }, async (_, number) => (number % 2 ? journal : other).write([withdrawal(number)])),
    );

    const numbers = (await all(journal)).map((entry) => (entry.kind === 'withdrawn' ? Number(entry.consent) : -1));
    expect(numbers.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 200 }, (_, number) => number));
    await other.close();
  });

  it('skips a last line that a crash tore, wherever it tore it', async () => {
    await journal.write([withdrawal(1), withdrawal(2)]);
    const whole = (await stat(path)).size;
    const lastLine = JSON.stringify(withdrawal(2)).length + 1;

    for (let cut = 2; cut <= lastLine; cut++) {
      await truncate(path, whole - cut);
      expect(await all(journal), `cut by ${cut}`).to.deep.equal([withdrawal(1)]);
    }
  });

  it('writes on after a torn line without losing what comes next', async () => {
    await journal.write([withdrawal(1)]);
    await journal.close();
    await appendFile(path, '{"kind":"withdrawn","cons');

    journal = await openJournal(dataDir);
    await journal.write([withdrawal(2)]);

    expect(await all(journal)).to.deep.equal([withdrawal(1), withdrawal(2)]);
  });

  it('does not grow by what it has already, but writes what failed before', async () => {
    await journal.write([withdrawal(1), suppression(2)]);
    await journal.write([withdrawal(1), suppression(2), withdrawal(3)]);
    await journal.write([withdrawal(3)]);

    expect(await all(journal)).to.deep.equal([withdrawal(1), suppression(2), withdrawal(3)]);
  });

  it('tells everybody whose entries did not reach the disk', async () => {
    await journal.close();

    const results = await Promise.allSettled([1, 2, 3].map(async (number) => journal.write([withdrawal(number)])));

    expect(results.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected']);
    expect(await readFile(path, 'utf8')).to.equal('');
    journal = await openJournal(dataDir);
  });

  it('can be read by its owner only', async () => {
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(dataDir, 'journal'))).mode & 0o777).to.equal(0o700);
  });
});

function withdrawal(number: number): JournalEntry {
  return {
    kind: 'withdrawn',
    consent: String(number),
    chapter: 'c',
    event: `e${number}`,
    at: '2026-03-01T10:00:00.000Z',
  };
}

function suppression(number: number): JournalEntry {
  return {
    kind: 'suppressed',
    organisation: 'o',
    hash: String(number),
    reason: 'asked',
    at: '2026-03-01T10:00:00.000Z',
  };
}

async function all(journal: Journal): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of journal.read()) entries.push(entry);
  return entries;
}

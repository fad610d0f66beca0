import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { attestedFor, withCosignatures } from '../../server/ledger/attested.js';
import { formatCheckpoint, openCheckpoint, signCheckpoint } from '../../server/ledger/checkpoint.js';
import { cosign } from '../../server/ledger/cosignature.js';
import { leafHash } from '../../server/ledger/merkle.js';
import { COSIGNATURE, formatVkey, parseNote, verifierKey } from '../../server/ledger/note.js';
import { makeTestContext, type TestContext } from '../support/context.js';

const now = new Date('2026-01-01T00:00:00Z');

describe('what others say of the log', () => {
  let test: TestContext;
  const council = makeWitness('council');
  const partner = makeWitness('partner');
  const policy = `witness council ${council.vkey}\nwitness partner ${partner.vkey}\ngroup both all council partner\nquorum both\n`;
  const notes = new Map<number, string>();

  before(async () => {
    test = await makeTestContext();
    for (const size of [1, 2, 3, 4]) await addHead(size);
  });
  after(async () => test.drop());

  it('is nothing as long as nobody said anything', async () => {
    expect(await attestedFor(test.ctx.db, 0)).to.deep.equal({ witnessed: null, anchored: null });
  });

  it('is the first head that enough witnesses signed, with all their lines', async () => {
    await cosignHead(2, council);
    await cosignHead(3, council);
    await cosignHead(3, partner);

    const { witnessed } = await attestedFor(test.ctx.db, 0, policy);

    expect(witnessed?.size).to.equal(3);
    expect(parseNote(witnessed?.note ?? '').signatures.map(({ name }) => name)).to.deep.equal([
      test.ctx.logOrigin,
      'council',
      'partner',
    ]);
    expect((await attestedFor(test.ctx.db, 0)).witnessed?.size, 'without a policy').to.equal(3);
    expect((await attestedFor(test.ctx.db, 3, policy)).witnessed).to.be.null;
  });

  it('is the best that there is where the quorum was never met', async () => {
    const more = `${policy.replace('quorum both\n', '')}witness third ${makeWitness('third').vkey}\ngroup all all both third\nquorum all\n`;

    expect((await attestedFor(test.ctx.db, 0, more)).witnessed?.size).to.equal(3);
  });

  it('leaves out lines that somebody wrote into the table by hand', async () => {
    const forged = cosign('another text\n', { name: 'council', key: council.key, now }).line;
    await insertCosignature(4, council.vkey, forged);
    await insertCosignature(4, partner.vkey, 'no line at all');

    const note = await withCosignatures(test.ctx.db, { size: 4, note: notes.get(4) ?? '' });

    expect(note).to.equal(notes.get(4));
    expect((await attestedFor(test.ctx.db, 3)).witnessed).to.be.null;
  });

  it('is the first stamp after the leaf, with the note that it covers to the byte', async () => {
    await insertStamp(3, 'https://tsa.example.org', 'note of 3\n', new Date('2026-01-02'));
    await insertStamp(3, 'https://other.example.org', 'note of 3\n', new Date('2026-01-03'));
    await insertStamp(3, 'https://third.example.org', 'another note of 3\n', new Date('2026-01-04'));
    await insertStamp(4, 'https://tsa.example.org', 'note of 4\n', new Date('2026-01-05'));

    const { anchored } = await attestedFor(test.ctx.db, 1);

    expect(anchored?.size).to.equal(3);
    expect(anchored?.note).to.equal('note of 3\n');
    expect(anchored?.stamps.map(({ authority }) => authority)).to.deep.equal([
      'https://tsa.example.org',
      'https://other.example.org',
    ]);
    expect((await attestedFor(test.ctx.db, 3)).anchored?.size).to.equal(4);
    expect((await attestedFor(test.ctx.db, 4)).anchored).to.be.null;
  });

  for (const table of ['log_cosignature', 'log_stamp']) {
    it(`is kept: nothing in ${table} is changed or deleted`, async () => {
      for (const sql of [`update ${table} set size = 9`, `delete from ${table}`, `truncate ${table}`]) {
        const refused = await test.ctx.db.query(sql).then(
          () => null,
          (error: unknown) => error,
        );
        expect(String(refused), sql).to.contain('is append-only');
      }
    });
  }

  async function addHead(size: number): Promise<void> {
    const root = leafHash(Buffer.from([size]));
    const note = signCheckpoint({ origin: test.ctx.logOrigin, size, root }, test.ctx.keyring.logPrivate);
    notes.set(size, note);
    await test.ctx.db.query(
      'insert into log_checkpoint (size, root, frontier, note, signed_at) values ($1, $2, $3, $4, $5)',
      [size, root, root, note, now],
    );
    expect(openCheckpoint(note, [verifierKey(test.ctx.logOrigin, test.ctx.keyring.logPublic)]).size).to.equal(size);
  }

  async function cosignHead(size: number, { name, key, vkey }: ReturnType<typeof makeWitness>): Promise<void> {
    const text = formatCheckpoint({ origin: test.ctx.logOrigin, size, root: leafHash(Buffer.from([size])) });
    await insertCosignature(size, vkey, cosign(text, { name, key, now }).line);
  }

  async function insertCosignature(size: number, vkey: string, line: string): Promise<void> {
    await test.ctx.db.query('insert into log_cosignature (size, witness, line, signed_at) values ($1, $2, $3, $4)', [
      ...[size, vkey, line, now],
    ]);
  }

  async function insertStamp(size: number, authority: string, note: string, at: Date): Promise<void> {
    await test.ctx.db.query(
      'insert into log_stamp (size, authority, note, token, stamped_at) values ($1, $2, $3, $4, $5)',
      [size, authority, note, Buffer.from(randomUUID()), at],
    );
  }
});

function makeWitness(name: string) {
  const key = generateKeyPairSync('ed25519').privateKey;
  return { name, key, vkey: formatVkey(verifierKey(name, key, COSIGNATURE)) };
}

import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { findCosignature } from '../../server/ledger/cosignature.js';
import { openNote, parseNote, parseVkey } from '../../server/ledger/note.js';
import { makePaperLog } from '../support/log.js';
import { CLI, run } from '../support/process.js';
import { startWitness, type TestWitness } from '../support/witness.js';

const log = makePaperLog();
const other = makePaperLog('other.example.org');

describe('zgoda witness', () => {
  let witness: TestWitness;
  before(async () => {
    witness = await startWitness('council.example.org', [log.vkey, other.vkey]);
  });
  after(async () => witness.drop());

  it('makes its own key, which only its user reads, and prints what a policy needs', async () => {
    const { mode } = await stat(join(witness.dir, 'key.json'));

    expect(mode & 0o777).to.equal(0o600);
    expect(witness.policyLine).to.equal(`witness council.example.org ${witness.vkey} ${witness.url}`);
    expect(witness.running().out()).to.contain(`follows: ${log.origin}`).and.contain(`follows: ${other.origin}`);
  });

  it('says who it is', async () => {
    const answer = await fetch(witness.url);

    expect(await answer.text()).to.match(new RegExp(`^${escape(witness.vkey)}\n`));
  });

  it('cosigns a first head, and what goes on from it', async () => {
    expect(await cosignedSize(0, 5)).to.equal(5);
    expect(await cosignedSize(5, 9)).to.equal(9);
    expect(await cosignedSize(9, 9), 'the same again').to.equal(9);
  });

  it('tells its size to a log that does not know it', async () => {
    expect(await witness.post(await log.request(0, 12))).to.deep.equal({
      status: 409,
      type: 'text/x.tlog.size',
      text: '9\n',
    });
  });

  it('keeps each log apart', async () => {
    expect((await witness.post(await other.request(0, 2))).status).to.equal(200);
    expect((await witness.post(await other.request(2, 3))).status).to.equal(200);
  });

  it('refuses a second history, and keeps the proof that the log signed two', async () => {
    const forked = await witness.post(await log.request(9, 9, 7));
    const grown = await witness.post(await log.request(9, 12, 7));

    expect([forked.status, forked.text, grown.status]).to.deep.equal([409, '9\n', 422]);
    const [proof] = (await readdir(witness.dir)).filter((name) => name.startsWith('fork-'));
    const [first = '', second = ''] = (await readFile(join(witness.dir, proof ?? ''), 'utf8')).split(/\n\n(?=log\.)/);
    const texts = [first, second].map((note) => openNote(`${note.trimEnd()}\n`, [parseVkey(log.vkey)]).text);
    expect(texts[0]).not.to.equal(texts[1]);
    expect(texts.every((text) => text.startsWith(`${log.origin}\n9\n`))).to.be.true;
    expect(witness.running().out()).to.contain(`FORK: ${log.origin}`);
  });

  it('answers each kind of wrong request as the protocol says', async () => {
    const stranger = makePaperLog('stranger.example.org');
    const impostor = makePaperLog();
    const answers = await Promise.all([
      witness.post('nonsense'),
      witness.post(await stranger.request(0, 3)),
      witness.post(await impostor.request(9, 12)),
      witness.post('x'.repeat(65_537)),
    ]);
    const get = await fetch(`${witness.url}/add-checkpoint`);
    const elsewhere = await fetch(`${witness.url}/other`, { method: 'POST' });

    expect(answers.map(({ status }) => status)).to.deep.equal([400, 404, 403, 413]);
    expect([get.status, elsewhere.status]).to.deep.equal([405, 404]);
  });

  it('signs one of two histories that arrive at once, never both', async () => {
    const requests = await Promise.all(
      Array.from({ length: 20 }, async (_, place) =>
        log.request(9, 20 + (place % 3), place % 2 === 0 ? undefined : 10),
      ),
    );

    const answers = await Promise.all(requests.map(async (body) => witness.post(body)));

    const signed = answers.filter(({ status }) => status === 200);
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200, 409]));
    expect(signed.length).to.be.greaterThan(0);
    const histories = new Set(
      requests.flatMap((body, place) =>
        answers[place]?.status === 200 ? [`${place % 2}/${place % 3} ${body.length}`] : [],
      ),
    );
    expect(histories.size, 'distinct heads that were signed').to.equal(1);
  });

  it('never signs another history, though it is killed in the middle of its work again and again', async () => {
    const rounds = Array.from({ length: 12 }, (_, round) => ({ round, mine: makePaperLog(`log${round}.example.org`) }));
    const killed = await startWitness(
      'killed.example.org',
      rounds.map(({ mine }) => mine.vkey),
    );

    for (const { round, mine } of rounds) {
      await killed.post(await mine.request(0, 10));
      // Of one size, in two histories: whichever is signed first, the other must not be, before and after the kill.
      const both = [await mine.request(10, 20), await mine.request(10, 20, 10)];
      const posts = both.map(async (body) => killed.post(body).catch(() => null));
      if (round % 3 === 0) await Promise.race(posts);
      else await new Promise((resolve) => setTimeout(resolve, round));
      await killed.running().kill();
      const before = await Promise.all(posts);
      await killed.restart();
      const after = [await killed.post(both[0] ?? ''), await killed.post(both[1] ?? '')];
      const again = both.map((body) => body.replace(/^old 10\n(?:\S+\n)*/, 'old 20\n'));
      const last = [await killed.post(again[0] ?? ''), await killed.post(again[1] ?? '')];

      const signed = [0, 1].filter((place) =>
        [before[place], after[place], last[place]].some((one) => one?.status === 200),
      );
      expect(signed, `round ${round}`).to.have.length(1);
    }

    await killed.drop();
  });

  it('goes on where it was after it was killed', async () => {
    const before = await witness.post(await other.request(3, 4));
    await witness.running().kill();
    await witness.restart();

    const forked = await witness.post(await other.request(3, 5));
    const onwards = await witness.post(await other.request(4, 5));

    expect([before.status, forked.status, forked.text, onwards.status]).to.deep.equal([200, 409, '4\n', 200]);
    expect(witness.policyLine).to.contain(witness.vkey);
  });

  it('signs nothing when its memory is damaged', async () => {
    const torn = await startWitness('torn.example.org', [log.vkey]);
    await torn.post(await log.request(0, 3));
    const [folder = ''] = (await readdir(torn.dir)).filter((name) => name.startsWith('log-'));
    const [head = ''] = await readdir(join(torn.dir, folder));
    await writeFile(join(torn.dir, folder, head), 'half a no');

    const answer = await torn.post(await log.request(3, 4));

    expect(answer.status).to.equal(500);
    await torn.drop();
  });

  it('ends well when it is told to', async () => {
    const short = await startWitness('short.example.org', [log.vkey]);

    expect((await short.running().stop()).code).to.equal(0);

    await short.drop();
  });

  it('refuses a folder without its key, another name, and keys that are none', async () => {
    const lost = await startWitness('lost.example.org', [log.vkey]);
    await lost.post(await log.request(0, 3));
    await lost.running().stop();
    const start = async (...more: string[]) => ended(['--dir', lost.dir, '--port', '0', ...more]);

    const renamed = await start('--name', 'new.example.org', '--log', log.vkey);
    const strange = await start('--name', 'lost.example.org', '--log', witness.vkey);
    await rm(join(lost.dir, 'key.json'));
    const keyless = await start('--name', 'lost.example.org', '--log', log.vkey);

    expect([renamed.code, strange.code, keyless.code]).to.deep.equal([1, 1, 1]);
    expect(renamed.err).to.contain('belongs to "lost.example.org"');
    expect(strange.err).to.contain('no verifier key of a log');
    expect(keyless.err).to.contain('put');
    await lost.drop();
  });

  it('is a command like the others: help, and 64 for wrong usage', async () => {
    const help = await ended(['--help']);
    const wrong = await ended(['--name', 'x']);
    const port = await ended(['--name', 'x', '--log', log.vkey, '--port', 'many']);

    expect([help.code, wrong.code, port.code]).to.deep.equal([0, 64, 64]);
    expect(help.out).to.contain('--log <vkey>');
    expect(wrong.err.trim().split('\n')).to.have.length(1);
  });

  async function cosignedSize(oldSize: number, size: number): Promise<number | null> {
    const { status, text } = await witness.post(await log.request(oldSize, size));
    expect(status, text).to.equal(200);
    const { text: checkpoint } = parseNote(log.note(size));
    return findCosignature(checkpoint, text, witness.key) && size;
  }
});

async function ended(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const running = run(CLI, ['witness', ...args], {});
  const code = await running.exited;
  return { code, out: running.out(), err: running.err() };
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

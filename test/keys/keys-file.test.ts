import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ROOT } from '../../server/config.js';
import { Refusal } from '../../server/errors.js';
import { createKeysFile, loadKeysFile, rotateKeys } from '../../server/keys/keys-file.js';

const NOW = new Date('2026-03-01T10:00:00Z');
const MAKER = join(ROOT, 'dist/test/support/keys-maker.js');

describe('the keys file', () => {
  let folder = '';
  let path = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zgoda-keys-'));
    path = join(folder, 'keys.json');
  });

  afterEach(async () => rm(folder, { recursive: true }));

  it('is one file, whole, when ten processes make it at once', async () => {
    const run = promisify(execFile);

    const outputs = await Promise.all(
      Array.from({ length: 10 }, async () => (await run(process.execPath, [MAKER, path])).stdout),
    );

    expect(new Set(outputs).size).to.equal(1);
    expect(JSON.parse(await readFile(path, 'utf8'))).to.deep.equal(JSON.parse(outputs[0]!));
    expect(await readdir(folder)).to.deep.equal(['keys.json']);
  });

  it('is one file when one process makes it ten times at once', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, async () => createKeysFile(path, NOW)));

    expect(new Set(made.map((file) => JSON.stringify(file))).size).to.equal(1);
    expect(await readdir(folder)).to.deep.equal(['keys.json']);
  });

  it('can be read by its owner only', async () => {
    await createKeysFile(path, NOW);

    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it('is never replaced by making it again', async () => {
    const first = await createKeysFile(path, NOW);

    expect(await createKeysFile(path, new Date())).to.deep.equal(first);
  });

  it('is made in a folder that does not exist yet', async () => {
    const deep = join(folder, 'a', 'b', 'keys.json');

    await createKeysFile(deep, NOW);

    expect(await loadKeysFile(deep)).not.to.be.null;
  });

  it('is null when there is none', async () => {
    expect(await loadKeysFile(path)).to.be.null;
  });

  it('is named when it is damaged', async () => {
    for (const text of ['', '{', '[]', '{"format":"zgoda-keys/v1"}', '\0']) {
      await writeFile(path, text);
      const refusal = await refusalOf(loadKeysFile(path));
      expect(refusal.code).to.equal('keys-invalid');
      expect(refusal.message).to.include(path).and.include('damaged');
    }
  });

  it('is named when it cannot be read', async () => {
    await mkdir(path);

    const refusal = await refusalOf(loadKeysFile(path));

    expect(refusal.code).to.equal('keys-invalid');
    expect(refusal.message).to.include(path);
  });

  it('is not made over a damaged one', async () => {
    await writeFile(path, '{');

    expect((await refusalOf(createKeysFile(path, NOW))).code).to.equal('keys-invalid');
    expect(await readFile(path, 'utf8')).to.equal('{');
  });

  it('is replaced as a whole by rotation, which keeps what must stay', async () => {
    const before = await createKeysFile(path, NOW);

    const after = await rotateKeys(path, new Date('2026-09-01T10:00:00Z'));

    expect(await loadKeysFile(path)).to.deep.equal(after);
    expect({ ...after, masters: null }).to.deep.equal({ ...before, masters: null });
    expect(after.masters[0]!.secret).to.equal(before.masters[0]!.secret);
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect(await readdir(folder)).to.deep.equal(['keys.json']);
  });

  it('is not rotated when there is none', async () => {
    const refusal = await refusalOf(rotateKeys(path, NOW));

    expect(refusal.code).to.equal('keys-invalid');
    expect(await readdir(folder)).to.be.empty;
  });
});

async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Refusal)) throw new Error('nothing was refused', { cause: thrown });
  return thrown;
}

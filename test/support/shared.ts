import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../../server/config.js';

/**
 * A folder or file of the shared vectors and corpora, or null when they are not on this machine.
 * They are read in place and never copied: `SHARED_DIR` says where, ../shared beside the project by default; `none` says that there are none.
 */
export function sharedDir(...parts: string[]): string | null {
  const path = join(resolve(ROOT, process.env['SHARED_DIR'] ?? '../shared'), ...parts);
  return existsSync(path) ? path : null;
}

/** A test that reads shared material: skipped with a notice where there is none, failed in CI unless SHARED_DIR is `none`. `parts` as for `sharedDir`. */
export function itWithShared(title: string, parts: string[], test: (path: string) => void | Promise<void>): void {
  it(title, async function () {
    const path = sharedDir(...parts);
    if (path !== null) return test(path);
    if (process.env['CI'] !== undefined && process.env['SHARED_DIR'] !== 'none')
      throw new Error(`${parts.join('/')} is missing: CI needs it, set SHARED_DIR`);
    console.warn(`      skipped, no ${parts.join('/')} (set SHARED_DIR)`);
    this.skip();
  });
}

/** A test of one block of vectors.json, which the test casts to the shape that it knows. */
export function itWithVectors(title: string, block: string, test: (vectors: unknown) => void | Promise<void>): void {
  itWithShared(title, ['vectors', 'vectors.json'], async (path) => {
    const blocks = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    if (blocks[block] === undefined) throw new Error(`vectors.json has no ${block}`);
    await test(blocks[block]);
  });
}

/** Tests that all read one shared folder; skipped, or failed in CI, as `itWithShared` does. */
export function describeWithShared(
  title: string,
  parts: string[],
  suite: (this: Mocha.Suite, path: string) => void,
): void {
  const path = sharedDir(...parts);
  if (path === null) {
    describe(title, () => itWithShared('reads shared material', parts, () => undefined));
    return;
  }
  describe(title, function () {
    suite.call(this, path);
  });
}

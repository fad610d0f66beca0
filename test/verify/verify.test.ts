import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { ROOT } from '../../server/config.js';
import { formatVkey, verifierKey } from '../../server/ledger/note.js';
import type { ReceiptParts } from '../../server/ledger/receipt.js';
import { ed25519 } from '../support/keys.js';
import { BROKEN, bytes, only, ORIGIN, receipt, vkey, WORDING, type Scene } from '../support/receipts.js';
import { runVerify, verifyReceipt, type Verdict } from '../../server/verify/verify.js';

type Loose = null | boolean | number | string | Loose[] | { [name: string]: Loose };

const verdictOn = (text: string, vkeys = [vkey]) => verifyReceipt(text, { vkeys });
const exitOf = async (scene: Scene) => verdictOn(await receipt(scene)).exitCode;
const failedIn = (verdict: Verdict) => verdict.checks.filter((check) => check.ok !== true).map((check) => check.name);
describe('the verifier', () => {
  it('accepts a confirmed consent under the pinned key of its log', async () => {
    const verdict = verdictOn(await receipt());

    expect(failedIn(verdict)).to.deep.equal([]);
    expect(verdict.exitCode).to.equal(0);
  });

  it('accepts a receipt that holds fields back', async () => {
    const parts = (given: ReceiptParts) => ({
      ...given,
      events: given.events.map((event) => ({ ...event, fields: {} })),
    });

    expect(await exitOf({ parts })).to.equal(0);
  });

  it('says incomplete without a pinned key, with a foreign one, or with a mangled one', async () => {
    const text = await receipt();

    expect(verdictOn(text, []).exitCode).to.equal(2);
    expect(verdictOn(text, [formatVkey(verifierKey(ORIGIN, ed25519(2)))]).exitCode).to.equal(2);
    expect(verdictOn(text, ['not a key', `${vkey}x`]).exitCode).to.equal(2);
    expect(verdictOn(await receipt({ key: ed25519(2) })).exitCode).to.equal(2);
  });

  it('says incomplete when a part is missing', async () => {
    const without = (at: number) => (parts: ReceiptParts) => ({ ...parts, events: parts.events.toSpliced(at, 1) });

    expect(await exitOf({ parts: (parts) => ({ ...without(0)(parts), texts: [] }) })).to.equal(2);
    expect(await exitOf({ parts: without(1) })).to.equal(2);
    expect(await exitOf({ parts: without(2) })).to.equal(2);
    expect(
      await exitOf({ withdraw: true, parts: (parts) => ({ ...without(2)(parts), claim: 'withdrawal' }) }),
    ).to.equal(2);
    expect(await exitOf({ parts: (parts) => ({ ...parts, texts: [WORDING] }) })).to.equal(2);
  });

  it('says no when the consent was withdrawn in the same file, and yes to the withdrawal only with what it withdraws', async () => {
    const claim = 'withdrawal' as const;
    const parts = (given: ReceiptParts) => ({ ...given, claim, events: given.events.slice(3), texts: [] });

    expect(failedIn(verdictOn(await receipt({ withdraw: true })))).to.deep.equal(['outcome']);
    expect(
      await exitOf({ withdraw: true, parts: (given) => ({ ...given, events: given.events.toSpliced(2, 1) }) }),
    ).to.equal(1);
    expect(await exitOf({ withdraw: true, parts })).to.equal(2);
    expect(await exitOf({ withdraw: true, parts: (given) => ({ ...given, claim }) })).to.equal(0);
  });

  it('says no to a withdrawal that is claimed and not there', async () => {
    const parts = (given: ReceiptParts) => ({ ...given, claim: 'withdrawal' as const });

    expect(failedIn(verdictOn(await receipt({ parts })))).to.deep.equal(['outcome']);
  });

  it('says contradiction when the log signed two trees of one size', async () => {
    expect(await exitOf({ forkFrom: 1, sizes: [6, 6, 11] })).to.equal(3);
    expect(await exitOf({ forkFrom: 1, sizes: [6, 6, 11], key: ed25519(2) })).to.equal(3);
  });

  it('says contradiction when a later tree does not begin with the earlier one', async () => {
    expect(await exitOf({ forkFrom: 2 })).to.equal(3);
  });

  it('does not take a badly signed checkpoint for a contradiction', async () => {
    const text = (await receipt()).replace(/\\n8\\n[A-Za-z0-9+/=]+\\n/, `\\n6\\n${bytes(0).toString('base64')}\\n`);

    expect(verdictOn(text).exitCode).to.equal(1);
  });

  for (const [title, check, scene] of BROKEN) {
    it(`refuses ${title}`, async () => {
      const verdict = verdictOn(await receipt(scene));

      expect(verdict.exitCode).to.equal(1);
      expect(failedIn(verdict)).to.include(check);
    });
  }
});

describe('the verifier, given a hostile file', () => {
  it('refuses every change to a value that counts', async () => {
    const whole = JSON.parse(await receipt()) as Record<string, Loose>;
    const places = leavesOf({
      format: whole['format']!,
      log: whole['log']!,
      events: whole['events']!,
      texts: whole['texts']!,
      list: whole['list']!,
      organisation: whole['organisation']!,
    });
    const another = fc.oneof(
      fc.string(),
      fc.constantFrom<Loose>(null, true, 0, 1, -1, '', [], {}),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 127 })),
    );
    const seen = new Set<number>();

    fc.assert(
      fc.property(fc.constantFrom(...places), another, (place, by) => {
        const before = valueAt(whole, place);
        const after =
          Array.isArray(by) && by.length === 2 && typeof before === 'string'
            ? bent(before, by as [number, number])
            : by;
        fc.pre(JSON.stringify(after) !== JSON.stringify(before));
        // Its heading may name the list by its id as well as by its name.
        fc.pre(place.join('.') !== 'list' || after !== 'news');

        const { exitCode } = verdictOn(JSON.stringify(replaced(whole, place, after)));

        seen.add(exitCode);
        expect(exitCode, place.join('.')).not.to.equal(0);
      }),
      { numRuns: 4000 },
    );
    expect(seen.has(1)).to.equal(true);
  });

  it('refuses every member or event that is taken out, added or moved', async () => {
    const whole = JSON.parse(await receipt()) as Record<string, Loose>;
    const events = whole['events'] as Record<string, Loose>[];

    for (const [at, event] of events.entries()) {
      for (const name of Object.keys(event['record'] as object)) {
        const text = JSON.stringify(replaced(whole, ['events', String(at), 'record', name], undefined));
        expect(verdictOn(text).exitCode, name).to.equal(1);
      }
      const added = replaced(whole, ['events', String(at), 'record', 'more'], 'x');
      expect(verdictOn(JSON.stringify(added)).exitCode).to.equal(1);
    }
    expect(verdictOn(JSON.stringify({ ...whole, events: events.toReversed() })).exitCode).to.equal(1);
    expect(verdictOn(JSON.stringify({ ...whole, events: [] })).exitCode).to.equal(1);
  });

  it('refuses every changed character but those of number, date of issue, limits and blanks', async () => {
    const text = await receipt();
    const meaning = (file: string): string | null => {
      try {
        const labels = { number: '', issued_at: '', limits: [] };
        return JSON.stringify({ ...(JSON.parse(file) as object), ...labels });
      } catch {
        return null;
      }
    };
    const same = meaning(text);

    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }),
        (at, by) => {
          const changed = text.slice(0, at) + by + text.slice(at + 1);
          fc.pre(meaning(changed) !== same);

          const { exitCode } = verdictOn(changed);

          expect(exitCode, changed.slice(at - 80, at + 80)).not.to.equal(0);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('never throws, and never says yes to noise', () => {
    const noise = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ format: 'zgoda-receipt/v1', number: '', events: [value] })),
      fc
        .dictionary(fc.constantFrom('events', 'log', 'texts', 'list', 'number'), fc.jsonValue())
        .map((parts) => JSON.stringify({ format: 'zgoda-receipt/v1', ...parts })),
    );
    fc.assert(
      fc.property(noise, fc.array(fc.string()), (text, vkeys) => {
        expect(verdictOn(text, vkeys).exitCode).to.equal(1);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses members that stand twice, fractions, depth, lone surrogates and size', async () => {
    const text = await receipt();
    const bad = [
      text.replace('"list": "News"', '"list": "Offers", "list": "News"'),
      text.replace('"kind": "requested",', '"kind": "refused", "kind": "requested",'),
      text.replace('"schema_version": 1', '"schema_version": 1.0'),
      text.replace('"schema_version": 1', '"schema_version": 1e0'),
      text.replace('"schema_version": 1', '"schema_version": 9007199254740993'),
      text.replace('"schema_version": 1', '"schema_version": -0'),
      text.replace('"list": "News"', '"list": "\\ud800"'),
      text.replace('"list": "News"', `"list": ${'['.repeat(100000)}`),
      `${text}{}`,
      `\ufeff${text}`,
      ' '.repeat(20 * 1024 * 1024) + text,
    ];

    for (const file of bad) expect(verdictOn(file).exitCode, file.slice(0, 60)).to.equal(1);
  });

  it('is not confused by members named like those of objects', async () => {
    const text = await receipt();

    expect(verdictOn(text.replace('{', '{ "__proto__": {"list": "x"}, "constructor": 1,')).exitCode).to.equal(2);
    expect(verdictOn(text.replace('"schema_version": 1', '"__proto__": {}, "schema_version": 1')).exitCode).to.equal(1);
  });
});

describe('the verifier, on the command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'));
  const file = join(folder, 'receipt.json');
  after(() => rmSync(folder, { recursive: true }));

  it('prints each check in words, and what no receipt proves', async () => {
    writeFileSync(file, await receipt());
    const lines: string[] = [];

    const exitCode = await runVerify({ file, vkeys: [vkey], json: false }, (line) => lines.push(line));

    expect(exitCode).to.equal(0);
    expect(lines.join('\n'))
      .to.match(/ok {2}secret/)
      .and.match(/VALID/)
      .and.match(/No receipt proves that a human/);
  });

  it('prints nothing that could move the cursor or turn the text around', async () => {
    const hostile = '\u001b[2J\u001b]0;title\u0007\u202eevil\u2066\u200b\r\n\u009b31m\u0000red';
    const text = JSON.stringify({ ...(JSON.parse(await receipt()) as object), list: hostile });
    const twice = (await receipt()).replace(
      '"number"',
      `${JSON.stringify(hostile)}: 1, ${JSON.stringify(hostile)}: 1, "number"`,
    );
    const kind = await receipt({
      change: only('offered', (record) => ({ ...record, list_name: hostile, list_id: hostile })),
    });

    for (const source of [text, twice, kind, kind.replaceAll('"offered"', JSON.stringify(hostile))]) {
      const lines: string[] = [];
      writeFileSync(file, source);
      for (const json of [true, false]) {
        await runVerify({ file, vkeys: [vkey, hostile], json }, (line) => lines.push(line));
      }
      expect(lines.join('')).not.to.match(/[\p{Cc}\p{Cf}]|\[2J|\[31m/u);
      expect(lines.join('').replaceAll('\\n', '')).not.to.match(/\\u/);
    }
  });

  it('answers incomplete for a missing file and no for bytes that are not UTF-8', async () => {
    const silent = () => undefined;
    writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d]));

    expect(await runVerify({ file: join(folder, 'none'), vkeys: [], json: false }, silent)).to.equal(2);
    expect(await runVerify({ file: folder, vkeys: [], json: false }, silent)).to.equal(2);
    expect(await runVerify({ file, vkeys: [], json: false }, silent)).to.equal(1);
  });

  it('runs alone, as one copied file', async () => {
    const alone = join(folder, 'verify.mjs');
    copyFileSync(join(ROOT, 'dist/server/verify/verify.js'), alone);
    writeFileSync(file, await receipt());
    const run = (...args: string[]) => spawnSync(process.execPath, [alone, ...args], { encoding: 'utf8', cwd: folder });

    const valid = run(file, '--vkey', vkey, '--json');

    expect(valid.status, valid.stderr).to.equal(0);
    expect((JSON.parse(valid.stdout) as Verdict).exitCode).to.equal(0);
    expect(run(file).status).to.equal(2);
    expect(run().status).to.equal(64);
  });

  it('imports nothing but what Node has', () => {
    const source = readFileSync(join(ROOT, 'server/verify/verify.ts'), 'utf8');
    const imported = [...source.matchAll(/\b(?:from|import|require)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
      ([, name]) => name,
    );

    expect(imported).not.to.deep.equal([]);
    expect(imported.every((name) => name!.startsWith('node:'))).to.equal(true);
  });
});

function leavesOf(value: Loose, place: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [place];
  return Object.entries(value).flatMap(([name, part]) => leavesOf(part, [...place, name]));
}

function valueAt(value: Loose, place: string[]): Loose | undefined {
  const [name, ...rest] = place;
  if (name === undefined) return value;
  return valueAt((value as Record<string, Loose>)[name]!, rest);
}

function replaced(value: Loose, place: string[], by: Loose | undefined): Loose | undefined {
  const [name, ...rest] = place;
  if (name === undefined) return by;
  const part = replaced((value as Record<string, Loose>)[name] ?? null, rest, by);
  if (Array.isArray(value)) return value.with(Number(name), part!);
  return { ...(value as Record<string, Loose>), [name]: part! };
}

function bent(text: string, [at, by]: [number, number]): string {
  if (text === '') return 'x';
  const place = at % text.length;
  return text.slice(0, place) + String.fromCharCode((text.charCodeAt(place) + by) % 0xd800) + text.slice(place + 1);
}

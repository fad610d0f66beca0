import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { simpleParser } from 'mailparser';
import { Refusal } from '../../server/errors.js';
import { injectFooter, prepareMessage } from '../../server/mail/footer-engine.js';
import { describeWithShared } from '../support/shared.js';
import { BOUNDARY, FOOTER, HEADERS, LINKS } from './footers.js';

/** `FUZZ=100000` for a long run, which tells how far it is. `FUZZ_SEED` for another one. */
const IS_LONG = process.env['FUZZ'] !== undefined;
const ROUNDS = Number(process.env['FUZZ'] ?? 3_000);
const SLOW_MS = 1_000;
const MAX_BYTES = 60_000;

/** Pieces on which parsers of mail have stumbled. */
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '--',
  '"',
  ';',
  '=',
  '=\r\n',
  '<!--',
  '-->',
  '</body>',
  '<style>body{display:none}</style>',
  '<textarea>',
  '<table>',
  'Content-Type: text/html\r\n',
  'Content-Type: multipart/mixed; boundary=x\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Transfer-Encoding: quoted-printable\r\n',
  'Content-Disposition: attachment\r\n',
  '\r\n--x\r\n',
  '\r\n--x--\r\n',
  '-----BEGIN PGP MESSAGE-----',
  '{{unsubscribe_url}}',
  'charset=utf-16',
  '\xff',
  ' ',
];

describeWithShared('messages that somebody broke', ['corpus', 'mime'], function (folder) {
  this.timeout(ROUNDS * 60 + 60_000);
  const messages = readFileSync(join(folder, 'INDEX.tsv'), 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter(([, kind, , , , , bytes]) => kind === 'message' && Number(bytes) < MAX_BYTES)
    .map(([file]) => readFileSync(join(folder, file ?? '')));

  it(`leave with both links in a text, or do not leave, ${ROUNDS} of them, and soon`, async () => {
    const random = randomFrom(Number(process.env['FUZZ_SEED'] ?? 20261126));
    const outcomes = new Map<string, number>();
    const faults: string[] = [];
    let slowestMs = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const broken = breakIt(messages[random(messages.length)] ?? Buffer.alloc(0), messages, random);
      const from = process.cpuUsage();
      const injection = tryOn(broken);
      const { user, system } = process.cpuUsage(from);
      const cpuMs = (user + system) / 1_000;
      slowestMs = Math.max(slowestMs, cpuMs);
      if (cpuMs > SLOW_MS) faults.push(`round ${round}: ${cpuMs} ms of CPU`);
      const outcome = injection instanceof Error ? 'crashed' : (injection?.outcome ?? 'refused');
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (injection instanceof Error) faults.push(`round ${round}: ${injection.stack}`);
      else if (injection && (await linksIn(injection.message)).length < 2) faults.push(`round ${round}: no link`);
      if (IS_LONG && round % 1_000 === 999) console.log(`      ${round + 1}: ${report(outcomes)}, ${slowestMs} ms`);
    }
    expect(faults).to.deep.equal([]);
    expect([...outcomes.keys()]).to.include.members(['injected', 'wrapped', 'refused']);
  });
});

function report(outcomes: ReadonlyMap<string, number>): string {
  return [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
}

function tryOn(raw: Buffer) {
  try {
    return injectFooter(prepareMessage(raw, { signed: 'wrap' }), {
      footer: FOOTER,
      headers: HEADERS,
      boundary: BOUNDARY,
    });
  } catch (error) {
    if (error instanceof Refusal) return null;
    return error as Error;
  }
}

/** Which of our links a parser that is not ours finds in the texts. */
async function linksIn(message: Buffer): Promise<string[]> {
  const { text = '', html } = await simpleParser(message, { skipTextToHtml: true, skipImageLinks: true });
  return Object.values(LINKS).filter(
    (link) => text.includes(link) || (typeof html === 'string' && html.includes(link)),
  );
}

type Random = (below: number) => number;

// mulberry32: the same rounds for the same seed.
function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(below, 1);
  };
}

/** One to eight changes: bytes, cuts, copies, pieces, and halves of other messages. */
function breakIt(message: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let broken = Buffer.from(message);
  for (let changes = 1 + random(8); changes > 0; changes -= 1) {
    const at = random(broken.length + 1);
    const piece = Buffer.from(PIECES[random(PIECES.length)] ?? '', 'latin1');
    const other = others[random(others.length)] ?? piece;
    const kinds: (() => Buffer[])[] = [
      () => [broken.subarray(0, at), Buffer.from([random(256)]), broken.subarray(at + 1)],
      () => [broken.subarray(0, at), broken.subarray(at + random(40))],
      () => [broken.subarray(0, at), piece, broken.subarray(at)],
      () => [broken.subarray(0, at), broken.subarray(at - Math.min(at, random(200))), broken.subarray(at)],
      () => [broken.subarray(0, at)],
      () => [broken.subarray(0, at), other.subarray(random(other.length))],
    ];
    broken = Buffer.concat(kinds[random(kinds.length)]?.() ?? [broken]).subarray(0, 2 * MAX_BYTES);
  }
  return broken;
}

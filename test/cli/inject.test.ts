import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CLI } from '../support/process.js';

const LINKS = ['--unsubscribe', 'https://x.example/u/1', '--preferences', 'https://x.example/p/1'];

const CLIPPED =
  'Its HTML has 93 kB with the footer: Gmail hides what lies beyond about 102 kB, and the footer with it.';

describe('zgoda inject', () => {
  it('takes a message on standard input, and writes it with its footer to standard output', () => {
    const { status, stdout, stderr } = inject(LINKS, 'Subject: x\r\nBcc: eve@example.org\r\n\r\nHello\r\n');

    expect([status, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^List-Unsubscribe: <https:\/\/x\.example\/u\/1>\r\n/);
    expect(stdout).to.contain('\r\n\r\nHello\r\n\r\n____').and.contain('<https://x.example/p/1>\r\n');
    expect(stdout).not.to.contain('eve@');
  });

  it('says in one line why a message is refused, writes nothing, and exits 1', () => {
    const signed = 'Subject: x\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n';
    for (const [args, message, words] of [
      [LINKS, '', 'no header'],
      [LINKS, 'Subject: x\r\n\r\nA NUL: \0\r\n', 'NUL'],
      [[...LINKS, '--policy', 'refuse'], signed, 'signed or encrypted'],
      [LINKS, '<mjml><mj-body><mj-wrong/></mj-body></mjml>', 'mj-wrong'],
    ] as const) {
      const { status, stdout, stderr } = inject(args, message);

      expect([status, stdout], words).to.deep.equal([1, '']);
      expect(stderr)
        .to.match(/^[^\n]+\n$/)
        .and.contain(words);
    }
    expect(inject([...LINKS, '--policy', 'headers-only'], signed).stdout).to.match(
      /^List-Unsubscribe: .*MESSAGE-----\r\n$/s,
    );
  });

  it('warns of HTML so long that Gmail hides its end, and takes it all the same (F-20)', () => {
    const html = (words: number): string =>
      `Subject: x\r\nContent-Type: text/html\r\n\r\n<p>${'long '.repeat(words)}</p>\r\n`;

    const [short, long] = [inject(LINKS, html(17_000)), inject(LINKS, html(18_000))];

    expect([short.status, short.stderr]).to.deep.equal([0, '']);
    expect([long.status, long.stderr]).to.deep.equal([0, `warning: ${CLIPPED}\n`]);
  });

  it('exits 64 where it is used wrongly', () => {
    const [unsubscribe, url, preferences] = LINKS;
    for (const args of [
      [unsubscribe, url],
      [unsubscribe, 'javascript:alert(1)', preferences, url],
      [unsubscribe, 'https://x.example/"', preferences, url],
      [...LINKS, '--policy', 'maybe'],
      [...LINKS, '--batch', tmpdir()],
      [...LINKS, 'in.eml'],
    ]) {
      const { status, stdout, stderr } = inject(args as string[], '');

      expect([status, stdout], args.join(' ')).to.deep.equal([64, '']);
      expect(stderr).to.match(/^zgoda inject: .+ "zgoda inject --help" says more\.\n$/);
    }
  });

  it('goes through a folder, and says of each file what became of it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'zgoda-inject-'));
    const [from, to] = [join(folder, 'in'), join(folder, 'out')];
    mkdirSync(join(from, 'deep'), { recursive: true });
    writeFileSync(join(from, 'a.eml'), 'Subject: x\n\nHi\n');
    writeFileSync(join(from, 'deep', 'b.html'), '<p>Hi {{unsubscribe_url}}</p>');
    writeFileSync(join(from, 'deep', 'c.eml'), 'Subject: x\nContent-Type: application/pdf\n\nx');
    writeFileSync(join(from, 'deep', 'd.html'), `<p>${'long '.repeat(18_000)}</p>`);
    writeFileSync(join(from, 'empty.eml'), '');

    const { status } = inject([...LINKS, '--batch', from, '--out', to], '');

    expect(status).to.equal(0);
    const results = readFileSync(join(to, 'results.jsonl'), 'utf8').trim().split('\n');
    expect(results.map((line) => JSON.parse(line) as unknown)).to.deep.equal([
      { file: 'a.eml', outcome: 'injected', reason: null },
      { file: 'deep/b.html', outcome: 'injected', reason: null },
      { file: 'deep/c.eml', outcome: 'wrapped', reason: null },
      { file: 'deep/d.html', outcome: 'injected', reason: null, warning: CLIPPED },
      { file: 'empty.eml', outcome: 'refused', reason: 'The message is refused: it has no header.' },
    ]);
    expect(readFileSync(join(to, 'a.eml'), 'utf8')).to.not.contain('\r');
    expect(readFileSync(join(to, 'deep', 'b.html'), 'utf8')).to.match(/^<p>Hi https:\/\/x\.example\/u\/1<\/p>/);
    expect(inject([...LINKS, '--batch', from, '--out', join(from, 'out')], '').status).to.equal(1);
    rmSync(folder, { recursive: true });
  });
});

function inject(args: readonly string[], input: string) {
  return spawnSync(process.execPath, [CLI, 'inject', ...args], { input, encoding: 'utf8' });
}

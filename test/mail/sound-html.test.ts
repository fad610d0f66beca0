import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { footerHtml } from '../../server/mail/footer.js';
import { insertionPoint } from '../../server/mail/insertion-point.js';
import { chainOf } from '../../server/mail/nodes.js';
import { readSoundHtml } from '../../server/mail/sound-html.js';
import { linksTo, proveLinks, whyUnseenAtEnd } from '../../server/mail/visible.js';
import { describeWithShared } from '../support/shared.js';
import { FOOTER, LINKS } from './footers.js';
import { parse } from 'parse5';
import { HOSTILE_MARKUP, HOSTILE_SHEETS } from './hostile-styles.js';

const INNER = chainOf(linksTo(parse(footerHtml(FOOTER)), LINKS.unsubscribe)[0]!).slice(0, 2);

/** A whole parser must agree with what is said of a sound page; says whether it is one. */
function isSoundAndTrue(html: string): boolean {
  const page = readSoundHtml(html);
  if (!page) return false;
  expect(page.end, html).to.equal(insertionPoint(html));
  const whole = html.slice(0, page.end) + footerHtml(FOOTER) + html.slice(page.end);
  const [link] = linksTo(parse(whole), LINKS.unsubscribe);
  const around = link ? chainOf(link).map(({ tagName }) => tagName) : [];
  expect(around, html).to.deep.equal(['a', 'div', 'body', 'html']);
  expect(whyUnseenAtEnd(page, INNER), html).to.equal(proveLinks(whole)(LINKS.unsubscribe));
  return true;
}

describe('readSoundHtml', () => {
  it('reads a page as mails have it', () => {
    const page = readSoundHtml(
      `<!doctype html>\n<!--[if mso]><x><![endif]-->\n<HTML lang=en><head><meta charset="utf-8"><title>a<b</title><style>p{color:red}</style>
<link rel=stylesheet href="https://fonts.googleapis.com/x"></head><body CLASS='a' style="margin:0"><table><tr><td><p>Hi<br/><a href="x">y</a></p></td></tr></table></body></html>\n`,
    );

    expect(page?.body.attrs).to.deep.equal([
      { name: 'class', value: 'a' },
      { name: 'style', value: 'margin:0' },
    ]);
    expect(page?.html.attrs).to.deep.equal([{ name: 'lang', value: 'en' }]);
    expect(page?.sheets).to.deep.equal(['p{color:red}']);
    expect(page?.links).to.have.length(1);
  });

  for (const html of [
    '<p>Hi</p>',
    '<html><body><p>Hi</body></html>',
    '<html><body><p><div>Hi</div></p></body></html>',
    '<html><body><b><p>Hi</b></p></body></html>',
    '<html><body><a><b><a>Hi</a></b></a></body></html>',
    '<html><body><table><tr>Hi<td></td></tr></table></body></html>',
    '<html><body><table><td>Hi</td></table></body></html>',
    '<html><head>Hi</head><body></body></html>',
    '<html><head>\xa0</head><body></body></html>',
    '<html><body><div\xa0hidden></div\xa0hidden></body></html>',
    '<html><body hidden><body></body></html>',
    '<html><body style="display&#58;none"></body></html>',
    '<html><body><!-->--></body></html>',
    '<html><body><!-- --!> <p hidden> --></body></html>',
    '<html><body><textarea></body></html>',
    '<html><body><p title="a"b="c"></p></body></html>',
    '<html><body>Hi</body></html> and more',
    '<html><body>Hi</body></html><div hidden>',
  ]) {
    it(`leaves ${JSON.stringify(html)} to a whole parser`, () => {
      expect(readSoundHtml(html)).to.equal(null);
    });
  }

  it('says of no page what a whole parser would not', () => {
    const names = [
      'div',
      'p',
      'a',
      'b',
      'span',
      'table',
      'tr',
      'td',
      'tbody',
      'ul',
      'li',
      'h1',
      'h2',
      'font',
      'center',
    ];
    const words = [
      'x',
      ' ',
      '<br>',
      '<hr/>',
      '<img src=a>',
      '<!-- c -->',
      '<!--[if mso]>',
      '<![endif]-->',
      '<style>',
      '</style>',
    ];
    const odd = [
      '<!-->',
      '</',
      '<',
      '"',
      '<p',
      '</body>',
      '<body class=x>',
      '<title>',
      '</title>',
      '<svg>',
      '<form>',
      '&lt;',
    ];
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 6 },
        { weight: 3, arbitrary: fc.constantFrom(...words) },
        { weight: 5, arbitrary: fc.tuple(fc.constantFrom(...names), fc.array(tie('node'), { maxLength: 3 })) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(...odd, ...names.map((one) => `<${one}>`), ...names.map((one) => `</${one}>`)),
        },
      ),
    })).node;
    const write = (node: unknown): string =>
      Array.isArray(node)
        ? `<${node[0]} class=c>${(node[1] as unknown[]).map(write).join('')}</${node[0]}>`
        : String(node);
    const head = fc.constantFrom(
      '<html>',
      '<!doctype html><html><head></head>',
      '<html class=c><head><title>x</title>',
      '<head>',
    );
    const style = fc.constantFrom('', ...HOSTILE_SHEETS.slice(0, 60), '.c{opacity:0}', 'p{display:none}');
    let sound = 0;
    fc.assert(
      fc.property(head, style, fc.array(tree, { maxLength: 5 }), (start, css, nodes) => {
        const sheet = css === '' ? '' : `<style>${css}</style>`;
        if (isSoundAndTrue(`${start}<body>${sheet}${nodes.map(write).join('')}</body></html>`)) sound += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(sound).to.be.above(300);
  });

  it('says of no mail that hides its footer what a whole parser would not', () => {
    for (const css of HOSTILE_SHEETS)
      isSoundAndTrue(`<html><head><style>${css}</style></head><body><p>x</p></body></html>`);
    for (const markup of HOSTILE_MARKUP) isSoundAndTrue(`<html><body>${markup}</body></html>`);
  });

  it('answers in good time for hostile input', () => {
    for (const piece of ['<div>', '<p ', ' a', '<!--', '<style>', '"', '<div a="', ' a=b', '</body>', '<td>'].flatMap(
      (one) => [
        one.repeat(190_000 / one.length),
        `<html><body><div${one.repeat(180_000 / one.length)}`,
        `<html><body></body>${one.repeat(180_000 / one.length)}`,
      ],
    ))
      readSoundHtml(piece);
  }).timeout(10_000);
});

describeWithShared('real newsletters that are sound', ['corpus', 'templates'], (folder) => {
  it('are read as a whole parser reads them, and are many', () => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
    const sound = files.filter((file) => isSoundAndTrue(readFileSync(join(folder, file), 'latin1')));

    expect(sound.length / files.length).to.be.above(0.2);
  });
});

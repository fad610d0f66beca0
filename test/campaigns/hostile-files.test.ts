import { expect } from 'chai';
import { changeLinks } from '../../server/campaigns/change-links.js';
import { findingAbout } from '../../server/campaigns/lint-finding.js';
import { packPage } from '../../server/campaigns/pictures.js';
import { problemsOf } from '../../server/campaigns/problem.js';
import { renderTemplate } from '../../server/campaigns/render.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { Refusal } from '../../server/errors.js';
import { htmlToText } from '../../server/mail/html-to-text.js';
import { linksInText } from '../../server/mail/text-links.js';
import { makeFresh } from './fresh.js';

/** As much as a file may have. */
const ALL = 2_000_000;
const filled = (piece: string, length = ALL): string => piece.repeat(Math.floor(length / piece.length));

/** Whoever uploads such a file must not stop the service: each of these took minutes or hours, or all memory (T11). */
describe('a hostile file', () => {
  const refused = async (work: () => unknown): Promise<string> => {
    try {
      await work();
      return 'taken';
    } catch (error) {
      return error instanceof Refusal ? (problemsOf(error)[0]?.reason ?? error.code) : String(error);
    }
  };

  for (const [what, name, source, answer] of [
    ['too many elements', 'a.html', filled('<p>x'), 'page-complex'],
    [
      'too many rules for its elements',
      'a.html',
      `<style>${filled('a{b:c}')}</style>${filled('<p>x', 400)}`,
      'page-complex',
    ],
    [
      'a word without end in a media query',
      'a.html',
      `<style>@media print{b{${filled('a', 300_000)}: red "}}</style><p>x</p>`,
      'taken',
    ],
    ['a tag of blanks', 'a.html', `<p>x</p><a${filled(' ')}>x</a>`, 'taken'],
    ['Markdown that is nested without end', 'a.md', filled('>', 60_000), 'markdown-broken'],
    ['a list without end in Markdown', 'a.md', filled('- a\n', 200_000), 'page-complex'],
  ] as const)
    it(`with ${what} ends before anybody waits`, async () => {
      expect(await refused(async () => renderTemplate(name, source))).to.equal(answer);
    });

  it('that is large is looked at in turns: others are answered between', async () => {
    const fresh = await makeFresh();
    let turns = 0;
    const beat = setInterval(() => (turns += 1), 1);
    const conditions = ['a', 'b', 'c', 'd'].map((name) => `{{#if attribute.${name}}}<p>x</p>{{/if}}`);
    const source = Buffer.from(`<title>Large</title>${conditions.join('')}${filled('<p>Words</p>', 20_000)}`);

    await createCampaign(fresh.ctx, { list: 'news', fileName: 'a.html', source });

    clearInterval(beat);
    await fresh.drop();
    // Sixteen mails of the conditions, and one of each language.
    expect(turns).to.be.greaterThan(15);
  });

  it('of which everything is worth a look is searched for a few things', () => {
    const things = Array.from({ length: 100_000 }, (_, i) => `https://a.example/${i}`);

    const found = findingAbout('links', 'look', things.join('\n'), things);

    expect([found?.count, found?.lines]).to.deep.equal([100_000, [1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it('whose archive names what is not there a hundred thousand times is told of the first', async () => {
    const page = filled('<img src="a.png">\n');

    expect(await refused(() => packPage(page, 'index.html', new Map()))).to.equal('picture-missing');
  });

  it('whose archive names one large picture again and again is read once', () => {
    const picture = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(4_000_000)]);

    const { pictures } = packPage(filled('<img src="a.png">', 200_000), 'index.html', new Map([['a.png', picture]]));

    expect(pictures).to.have.length(1);
  });

  it('whose archive names one large style sheet again and again does not grow without end', async () => {
    const sheet = Buffer.from(filled('p { color: red }\n', 1_000_000));
    const page = filled('<link rel="stylesheet" href="a.css">', 1_000_000);

    expect(await refused(() => packPage(page, 'index.html', new Map([['a.css', sheet]])))).to.equal('too-large');
  });

  it('whose addresses never end is read in one go', () => {
    const page = `<p>x</p>${filled('url(')}`;

    expect(packPage(page, 'index.html', new Map()).source).to.equal(page);
    expect(linksInText(`http://a.example/${filled('.)')}`)).to.deep.equal(['http://a.example/']);
    expect(linksInText('(see https://a.example/wiki/Zgoda_(film)).')).to.deep.equal([
      'https://a.example/wiki/Zgoda_(film)',
    ]);
  });

  it('whose SVG begins again and again is refused', async () => {
    const svg = Buffer.from(`<svg>${filled('<!doctype')}`);

    expect(await refused(() => packPage('<img src="a.svg">', 'index.html', new Map([['a.svg', svg]])))).to.equal(
      'picture-script',
    );
  });

  it('that ends again and again has the picture of its opening before its last end', () => {
    const html = `<p>x</p>${filled('</body>')}`;

    const changed = changeLinks(html, { of: () => null, isPersonal: true });

    expect(changed.startsWith(html.slice(0, -'</body>'.length))).to.equal(true);
    expect(changed.endsWith('alt=""></body>')).to.equal(true);
  });

  it('with a list of 400,000 items, or with as many links, is a text all the same', () => {
    const [list, links] = [`<ol>${filled('<li>a')}</ol>`, filled('<a href="https://a.example">a</a>', 600_000)];

    expect(htmlToText(list)).to.match(/\n400000\. a\n$/);
    expect(htmlToText(links)).to.contain('a <https://a.example>');
  });
});

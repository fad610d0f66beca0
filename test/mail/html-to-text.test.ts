import { expect } from 'chai';
import fc from 'fast-check';
import { hole } from '../../server/mail/hole.js';
import { htmlToText } from '../../server/mail/html-to-text.js';

describe('htmlToText', () => {
  it('sets paragraphs apart and gives links as words and URL', () => {
    const html =
      '<h1>News</h1><p>Hello <b>Ada</b>,<br>read <a href="https://example.org/a">the\n  story</a>.</p><p>Bye</p>';

    expect(htmlToText(html)).to.equal('News\n\nHello Ada,\nread the story <https://example.org/a>.\n\nBye\n');
  });

  it('marks list items and numbers them, also in lists in lists', () => {
    const html = '<ul><li>One</li><li>Two<ol><li>A</li><li>B</li></ol></li></ul><p>End</p>';

    expect(htmlToText(html)).to.equal('- One\n- Two\n  1. A\n  2. B\n\nEnd\n');
  });

  it('gives table cells in order and pictures as their alt text', () => {
    const html = '<table><tr><td>A</td><td>B</td></tr><tr><td><img alt="Logo"></td><td><img></td></tr></table>';

    expect(htmlToText(html)).to.equal('A\nB\nLogo\n');
  });

  it('leaves out styles, scripts, comments, titles and what the mail hides', () => {
    const html = `<head><title>T</title><style>.pre{display:none}@media print{.x{display:none}}</style></head><body>
      <div style="display:none">preheader</div><div class="pre">preheader</div><script>x</script><!-- c -->
      <table><tr><td style="font-size:0"><div class="x" style="font-size:14px">Seen</div></td></tr></table></body>`;

    expect(htmlToText(html)).to.equal('Seen\n');
  });

  it('wraps at 76 without breaking a URL', () => {
    const url = `https://example.org/${'a'.repeat(100)}`;

    const lines = htmlToText(`<p>${'word '.repeat(40)}<a href="${url}">here</a> ${'word '.repeat(20)}</p>`).split('\n');
    expect(lines).to.include(`<${url}>`);
    for (const line of lines) if (!line.includes(url)) expect(line.length).to.be.at.most(76);
  });

  it('keeps holes', () => {
    const mark = hole('unsubscribe_url');

    expect(htmlToText(`<a href="${mark}">Leave</a>`)).to.equal(`Leave <${mark}>\n`);
  });

  it('reads anything, however deep or broken', () => {
    expect(htmlToText('<div>'.repeat(30_000) + 'deep')).to.be.a('string');
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => void htmlToText(`<p>${text}<li><a href="x">`)));
  });
});

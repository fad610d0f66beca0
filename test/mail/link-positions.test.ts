import { expect } from 'chai';
import { linksIn, replaceLinks } from '../../server/mail/link-positions.js';
import { linksInText, replaceTextLinks } from '../../server/mail/text-links.js';

const to = (url: string): string => `https://count.example/?${new URL(url).pathname.slice(1)}`;

describe('links in HTML', () => {
  it('are those by which one is led to the web, each once', () => {
    const html =
      '<a href="https://a.example/x?1&amp;2">a</a><a href="https://a.example/x?1&amp;2">b</a><area href=HTTP://b.example>' +
      '<a href="mailto:a@b.example">c</a><a href="#top">d</a><a href="/here">e</a><a name="f">f</a><img src="https://c.example/g.png"><a href="\ufdd0hole\ufdd1">h</a>' +
      '<!-- <a href="https://comment.example">i</a> --><link href="https://style.example">';

    expect(linksIn(html)).to.deep.equal(['https://a.example/x?1&2', 'HTTP://b.example']);
  });

  it('are replaced without a change to anything else, however they are quoted, over lines of Windows and beyond ASCII', () => {
    const html = `<p title='a > b'>Żółw 🐢</p>\r\n<A class=x HREF=https://a.example/1 id=y>1</A>\r\n<a\r\nhref = 'https://a.example/2'>2</a>\r\n<a href="https://a.example/3"/>3`;

    expect(replaceLinks(html, to)).to.equal(
      `<p title='a > b'>Żółw 🐢</p>\r\n<A class=x href="https://count.example/?1" id=y>1</A>\r\n<a\r\nhref="https://count.example/?2">2</a>\r\n<a href="https://count.example/?3"/>3`,
    );
  });

  it('are replaced once where crossed markup makes several elements of one tag', () => {
    const html = '<p><a href="https://a.example/1"><b>x<p>y</b></a><table><a href="https://a.example/2">z</table>';

    const changed = replaceLinks(html, to);

    expect(changed.match(/count\.example/g)).to.have.length(2);
    expect(changed.replaceAll('count.example/?', 'a.example/')).to.equal(html);
  });

  it('stay where nothing is to replace them', () => {
    const html = '<a href="https://a.example/1">1</a>';

    expect(replaceLinks(html, () => null)).to.equal(html);
  });

  it('cannot break out of their attribute', () => {
    const changed = replaceLinks('<a href="https://a.example/1">1</a>', () => 'https://x.example/"><script>');

    expect(changed).to.equal('<a href="https://x.example/&quot;&gt;&lt;script&gt;">1</a>');
  });
});

describe('links in a plain text', () => {
  it('end where a reader ends them', () => {
    const text = [
      'A <https://a.example/1?x=1&y=2> b <https://a.example/(2>, https://a.example/3. (https://a.example/4)',
      '„https://a.example/5”, "HTTPS://a.example/6"! [https://a.example/7] https://a.example/8_(film), https://a.example/żółw…',
      'http:// ftp://a.example/9 mailto:a@a.example \ufdd0unsubscribe_url\ufdd1 https://a.example/\ufdd0sent_in\ufdd1/x',
    ].join('\n');

    expect(linksInText(text)).to.deep.equal([
      ...['https://a.example/1?x=1&y=2', 'https://a.example/(2', 'https://a.example/3', 'https://a.example/4'],
      ...['https://a.example/5', 'HTTPS://a.example/6', 'https://a.example/7', 'https://a.example/8_(film)'],
      'https://a.example/żółw',
    ]);
  });

  it('are replaced without a change to anything else', () => {
    const text = 'See (https://a.example/1), <https://a.example/2>\r\nand https://b.example/3.\n';

    const changed = replaceTextLinks(text, (url) => (url.includes('a.example') ? to(url) : null));

    expect(changed).to.equal(
      'See (https://count.example/?1), <https://count.example/?2>\r\nand https://b.example/3.\n',
    );
    expect(replaceTextLinks(text, () => null)).to.equal(text);
  });
});

import { expect } from 'chai';
import { htmlToText } from '../../server/mail/html-to-text.js';
import { proveLinks } from '../../server/mail/visible.js';

const U = 'https://lists.example/u/1';
const LINK = `<a href="${U}">Unsubscribe</a>`;
const styled = (css: string, body: string): string => `<style>${css}</style>${body}`;
const nested = (depth: number, inner: string): string => '<b>'.repeat(depth) + inner + '</b>'.repeat(depth);
const many = (count: number, piece: string): string => piece.repeat(count);
const widths = (count: number): string =>
  Array.from({ length: count }, (_, i) => `<b style="width:${i}px">t</b>`).join('');

/** Each once took from seconds to hours, while nobody else was served. */
const TOO_MUCH: readonly (readonly [string, string])[] = [
  ['blocks in blocks in blocks', styled(many(500_000, 'a{'), LINK)],
  ['one rule for a million selectors', styled(`${many(500_000, '*,')}b{color:red}`, nested(240, LINK))],
  ['rules for whatever there is, and elements in elements', styled(many(30_000, '*[a]{color:red}'), nested(240, LINK))],
  ['selectors of many steps', styled(many(2_000, `${many(40, '* ')}{color:red}`), nested(240, LINK))],
  ['rules of many declarations', styled(many(90, `b{${many(200, 'x:y;')}}`) + `b{${widthsOf(30_000)}}`, LINK)],
  ['megabytes of styles', styled(many(100_000, '.a{color:red}'), LINK)],
];

/** Looked through whole. */
const MUCH: readonly (readonly [string, string])[] = [
  ['brackets that nobody closes', styled(`${many(900_000, '[')}{color:red}`, LINK)],
  ['many texts, deep inside', styled(many(50, 'b b b b{color:red}'), nested(240, many(9_000, '<i>t</i>') + LINK))],
  ['many rules for each of many elements', styled(many(150, 'b{color:red;margin:0}'), many(9_000, '<b>t</b>') + LINK)],
  ['another style on each element', widths(9_000) + LINK],
];

describe('a page that would keep others waiting (T11)', function () {
  // What hangs is stopped.
  this.timeout(20_000);

  for (const [name, html] of TOO_MUCH) {
    it(`is not looked through: ${name}`, () => {
      expect(proveLinks(html)(U)).to.equal('the style sheets of the mail are too long to look through');
      expect(htmlToText(html)).to.include('Unsubscribe');
    });
  }

  for (const [name, html] of MUCH) {
    it(`is looked through: ${name}`, () => {
      expect(proveLinks(html)(U)).to.equal(null);
      expect(htmlToText(html)).to.include('Unsubscribe');
    });
  }

  it('may lie over a footer, when too much could', () => {
    const box = `<div style="color:#222">${LINK}</div>`;
    const html = styled(many(2_000, '*[a]{z-index:2147483647}'), box + many(50_000, '<b>t</b>'));

    expect(proveLinks(html)(U, 'color:#222')).to.equal('a box that comes after it may lie over it');
  });
});

function widthsOf(count: number): string {
  return Array.from({ length: count }, (_, i) => `p${i}:y`).join(';');
}

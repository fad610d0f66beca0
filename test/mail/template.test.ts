import { expect } from 'chai';
import fc from 'fast-check';
import { Refusal } from '../../server/errors.js';
import { fillTemplate, misplacedIn, personalValue, type PersonalHoles } from '../../server/mail/fill-template.js';
import { hole } from '../../server/mail/hole.js';
import { choose, fieldsAsked, readTemplate } from '../../server/mail/template.js';

const LINK = hole('unsubscribe_url');
const VALUES = {
  unsubscribe_url: LINK,
  preferences_url: 'https://example.org/p/x',
  list: 'A & B',
  organisation: '<Shop>',
};

describe('a template', () => {
  it('has its fields filled, escaped in HTML, also where an editor encoded them', () => {
    const source =
      '<a href="{{unsubscribe_url}}">{{ list }}</a><a href="%7B%7Bpreferences_url%7D%7D">{{{organisation}}}</a>';

    expect(fill(source)).to.equal(`<a href="${LINK}">A &amp; B</a><a href="https://example.org/p/x">&lt;Shop&gt;</a>`);
    expect(fill('{{list}}', { part: 'text' })).to.equal('A & B');
  });

  it('leaves a hole where something personal stands, and one hole for the same thing', () => {
    const holes: PersonalHoles = new Map();

    const html = fill('{{email}} {{email}} {{default attribute.first_name "reader"}}', { holes });

    expect(html).to.equal(`${hole('personal0')} ${hole('personal0')} ${hole('personal1')}`);
    expect([...holes.values()]).to.deep.equal([
      { field: 'email', fallback: '' },
      { field: 'attribute.first_name', fallback: 'reader' },
    ]);
  });

  it('shows a branch to those with a value, the other to those without', () => {
    const pieces = readTemplate('a{{#if attribute.city}}b{{#unless email}}c{{/unless}}{{else}}d{{/if}}e');

    expect(fieldsAsked(pieces)).to.deep.equal(['attribute.city', 'email']);
    expect(choose(pieces, new Set(['attribute.city', 'email']))).to.deep.equal(['a', 'b', 'e']);
    expect(choose(pieces, new Set(['attribute.city']))).to.deep.equal(['a', 'b', 'c', 'e']);
    expect(choose(pieces, new Set())).to.deep.equal(['a', 'd', 'e']);
  });

  it('knows comments, and braces that are text', () => {
    expect(fill('a{{! no }}b{{!-- {{list}} --}}c\\{{list}}')).to.equal('abc{{list}}');
  });

  for (const [tag, why] of [
    ['{{first_name}}', 'nothing fills "{{first_name}}"'],
    ['{{#each people}}', 'nothing fills'],
    ['{{> partial}}', 'nothing fills'],
    ['{{lookup a b}}', 'nothing fills'],
    ['{{../list}}', 'nothing fills'],
    ['{{__proto__}}', 'nothing fills'],
    ['{{attribute.constructor}}', 'nothing fills'],
    ['{{attribute.__proto__}}', 'nothing fills'],
    ['{{list.constructor}}', 'nothing fills'],
    ['{{ a', 'nothing fills'],
    ['{{#if email}}', 'has no end'],
    ['{{/if}}', 'belongs to no'],
    ['{{else}}', 'belongs to no'],
    ['{{#if email}}{{else}}{{else}}{{/if}}', 'belongs to no'],
    ['{{#if email}}'.repeat(9), 'nested more than 8 deep'],
  ] as const) {
    it(`refuses ${tag.slice(0, 40)} with its line`, () => {
      expect(() => readTemplate(`one {{list}}\ntwo\nHi ${tag} there`)).to.throw(
        Refusal,
        new RegExp(`^Line 3: .*${escape(why)}`),
      );
    });
  }

  it('refuses marks of holes that a template brings along', () => {
    expect(() => readTemplate(LINK)).to.throw(Refusal);
  });

  it('leaves what is no tag alone, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !/\{\{|%7B|[\ufdd0\ufdd1]/i.test(text)),
        (text) => {
          expect(fill(text)).to.equal(text);
        },
      ),
    );
  });

  it('is read in linear time', () => {
    for (const piece of ['{{', '{{!--', '{{{', '%7B%7Ba', '{{#if email', '\\{{']) {
      expect(() => readTemplate(piece.repeat(300_000)), piece).to.satisfy((read: () => unknown) => {
        try {
          read();
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
        }
        return true;
      });
    }
  }).timeout(10_000);
});

describe('a personal value (T11)', () => {
  for (const [source, why] of [
    ['<p>{{email}}</p>', null],
    ['<img alt="For {{attribute.name}}" src="https://example.org/a.png">', null],
    ['<title>{{attribute.name}}</title>', null],
    ['<!--[if mso]><p>{{attribute.name}}</p><![endif]-->', null],
    ['<a href="https://example.org/?e={{email}}">x</a>', 'url'],
    ["<a href='mailto:{{email}}'>x</a>", 'url'],
    ['<img src="https://example.org/{{attribute.id}}.png">', 'url'],
    ['<img srcset="{{attribute.id}} 2x">', 'url'],
    ['<table><tr><td background="https://example.org/{{attribute.id}}"></table>', 'url'],
    ['<td background="https://example.org/{{attribute.id}}">', 'tag'],
    ['<!--[if mso]><td background="https://example.org/{{attribute.id}}"><![endif]-->', 'url'],
    ['<p>https://example.org/?e={{email}}</p>', 'url'],
    ['<p>www.example.org/{{email}}</p>', 'url'],
    ['<p style="background:url(https://example.org/{{email}})">x</p>', 'style'],
    ['<style>a { background: url("https://example.org/{{email}}") }</style>', 'style'],
    ['<script>x = "{{email}}"</script>', 'style'],
    ['<img alt={{attribute.name}}>', 'unquoted'],
    ['<p {{attribute.name}}>x</p>', 'tag'],
    ['<{{attribute.name}}>x', null],
    ['<p class="{{attribute.name}}">x</p>', 'attribute'],
    ['<p onclick="{{attribute.name}}">x</p>', 'url'],
    ['<!--[if mso]><a href="https://example.org/{{email}}">x</a><![endif]-->', 'url'],
    ['<a href="https://example.org/{{#if attribute.vip}}vip{{/if}}">x</a>', 'url'],
    ['<table>{{#if attribute.vip}}<tr><td>x</td></tr>{{/if}}</table>', 'torn'],
    ['<table><tr><td>{{#if attribute.vip}}x{{/if}}</td></tr></table>', null],
    ['<a href="{{unsubscribe_url}}">{{list}}</a>', null],
  ] as const) {
    it(`${why === null ? 'may stand in' : `must not stand in (${why})`} ${source}`, () => {
      const found = misplacedIn(readTemplate(source), 'html');

      expect(found[0]?.why ?? null).to.equal(why);
    });
  }

  it('must not stand in a URL of the text part', () => {
    expect(misplacedIn(readTemplate('x <https://example.org/?e={{email}}>'), 'text')).to.have.length(1);
    expect(misplacedIn(readTemplate('Hello {{email}}, see https://example.org'), 'text')).to.be.empty;
  });

  it('is one line without characters that steer, and gives way to the fallback when it is empty', () => {
    const piece = { field: 'attribute.name', fallback: 'reader' };

    expect(personalValue(piece, { 'attribute.name': 'Ada\r\nBcc: x\u202e' })).to.equal('Ada Bcc: x');
    expect(personalValue(piece, { 'attribute.name': ' \n ' })).to.equal('reader');
    expect(personalValue(piece, {})).to.equal('reader');
    expect(personalValue(piece, { 'attribute.name': 'a'.repeat(9_999) })).to.have.length(500);
  });
});

function fill(
  source: string,
  { part = 'html', holes = new Map() }: { part?: 'html' | 'text'; holes?: PersonalHoles } = {},
): string {
  return fillTemplate(choose(readTemplate(source), new Set()), part, { values: VALUES, holes });
}

function escape(text: string): string {
  return text.replace(/[{}"()]/g, '\\$&');
}

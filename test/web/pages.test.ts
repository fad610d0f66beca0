import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { ROOT } from '../../server/config.js';
import { loadCatalogs } from '../../server/web/i18n.js';
import { makeRenderer } from '../../server/web/render.js';
import { pageFixtures, type PageFixture } from '../support/pages.js';

type Element = DefaultTreeAdapterTypes.Element;

const renderer = makeRenderer({ root: ROOT, catalogs: loadCatalogs(ROOT) });
const cssBytes = readFileSync(join(ROOT, 'public', 'zgoda.css')).byteLength;

const render = ({ view, data }: PageFixture) => renderer.page(view, data);
const fixture = (name: string, language: 'en' | 'pl' = 'en') => pageFixtures(language).find((f) => f.name === name)!;
const html = (name: string, language: 'en' | 'pl' = 'en') => render(fixture(name, language));

for (const language of ['en', 'pl'] as const) {
  describe(`pages (${language})`, () => {
    for (const page of pageFixtures(language)) {
      it(`${page.name} has one heading, labelled fields, unique ids, and nothing inline`, () => {
        const source = render(page);
        const elements = elementsOf(source);
        const named = (tag: string) => elements.filter((element) => element.tagName === tag);
        const ids = elements.map((element) => attribute(element, 'id')).filter((id) => id !== undefined);
        const labelled = new Set(named('label').map((label) => attribute(label, 'for')));
        const fields = named('input').filter((input) => attribute(input, 'type') !== 'hidden');

        expect(attribute(named('html')[0]!, 'lang')).to.equal(language);
        expect(attribute(named('html')[0]!, 'dir')).to.equal('ltr');
        expect(named('h1')).to.have.length(1);
        expect(named('main')).to.have.length(1);
        expect(named('title')).to.have.length(1);
        expect(new Set(ids).size).to.equal(ids.length);
        expect(fields.filter((field) => !labelled.has(attribute(field, 'id')))).to.deep.equal([]);
        expect(named('script').length + named('style').length + named('img').length).to.equal(0);
        expect(elements.filter((element) => element.attrs.some((a) => /^(style$|on)/.test(a.name)))).to.deep.equal([]);
        expect(source).not.to.match(/undefined|\[object|\{\{/);
        expect(Buffer.byteLength(source) + cssBytes).to.be.below(15_000);
      });

      it(`${page.name} has a label on every form, posts it, and links within the page only to what is there`, () => {
        const elements = elementsOf(render(page));
        const ids = new Set(elements.map((element) => attribute(element, 'id')));
        const forms = elements.filter((element) => element.tagName === 'form');
        const hrefs = elements.filter((e) => e.tagName === 'a').map((a) => attribute(a, 'href') ?? '');

        expect(forms.filter((form) => !attribute(form, 'data-act') || attribute(form, 'method') !== 'post')).to.be
          .empty;
        expect(hrefs.filter((href) => href.startsWith('#') && !ids.has(href.slice(1)))).to.deep.equal([]);
        expect(hrefs.slice(0, 2)).to.deep.equal(['#main', `?lang=${language === 'en' ? 'pl' : 'en'}`]);
      });
    }
  });
}

describe('the style sheet', () => {
  it('is under 12 kB and asks for nothing else', () => {
    const css = readFileSync(join(ROOT, 'public', 'zgoda.css'), 'utf8');

    expect(cssBytes).to.be.below(12_000);
    expect(css).not.to.match(/url\(|@import|@font-face|(margin|padding|border)-(left|right|top|bottom)/);
  });
});

describe('a page', () => {
  it('escapes what a stranger typed', () => {
    expect(html('check-mail')).to.contain('&lt;b&gt;ada&lt;/b&gt;').and.not.to.contain('<b>');
  });

  it('says the masked address in words and hides the dots from the ear', () => {
    expect(html('confirm')).to.contain(
      '<span class="visually-hidden">starting with a, at gmail.com</span><span class="masked" aria-hidden="true">a…@gmail.com</span>',
    );
    expect(html('preferences', 'pl')).to.contain('zaczyna się na a, w domenie na s z końcówką .pl');
  });

  it('never ticks the box for anybody', () => {
    for (const name of ['list', 'list-mistaken', 'error-link-expired', 'preferences-all']) {
      expect(html(name))
        .to.match(/<input[^>]*name="consent"/)
        .and.not.to.match(/<input[^>]*name="consent"[^>]*checked/);
    }
  });

  it('keeps the reader’s own tick after a mistake elsewhere', () => {
    const { data } = fixture('list-mistaken') as Extract<PageFixture, { view: 'list' }>;
    const form = { ...data.form!, ticked: true, errors: { address: true, consent: false, ticket: false } };

    const page = renderer.page('list', { ...data, form });

    expect(page)
      .to.match(/<input[^>]*name="consent"[^>]*checked/)
      .and.not.to.contain('consent-mistake');
  });

  it('tells mistakes twice: in the summary and at the field', () => {
    const page = html('list-mistaken');

    expect(page).to.contain('<title>Error: Join');
    expect(page.split('Error: enter an e-mail address')).to.have.length(3);
    expect(page).to.contain('href="#email"').and.to.contain('aria-describedby="email-mistake"');
    expect(page).to.contain('href="#consent"').and.to.contain('aria-describedby="consent-mistake first-mail"');
  });

  it('shows receipt links only when they were minted', () => {
    expect(html('confirmed')).to.contain('/receipts/').and.to.contain('number 1042');
    expect(html('confirmed-again')).to.contain('number 1042').and.not.to.contain('/receipts/');
    expect(html('confirmed-preparing')).to.contain('being prepared').and.not.to.contain('/receipts/');
  });

  it('says in every error that nothing was changed', () => {
    for (const language of ['en', 'pl'] as const) {
      for (const page of pageFixtures(language).filter(({ view }) => view === 'error')) {
        expect(render(page)).to.contain(language === 'en' ? 'Nothing was changed.' : 'Nic się nie zmieniło.');
      }
    }
  });

  it('carries the act of each form', () => {
    const acts = (name: string) => [...html(name).matchAll(/data-act="([^"]+)"/g)].map((match) => match[1]);

    expect(acts('list')).to.deep.equal(['subscribe']);
    expect(acts('confirm')).to.deep.equal(['confirm']);
    expect(acts('not-me')).to.deep.equal(['not-me']);
    expect(acts('preferences')).to.deep.equal(['preferences', 'stop-all', 'magic']);
    expect(acts('preferences-none')).to.deep.equal(['stop-all', 'magic']);
    expect(acts('saved-weekly')).to.deep.equal(['undo']);
    expect(acts('unsubscribe')).to.deep.equal(['unsubscribe']);
    expect(acts('unsubscribed')).to.deep.equal(['undo', 'stop-all']);
    expect(acts('magic')).to.deep.equal(['open']);
    expect(acts('magic-ask')).to.deep.equal(['magic']);
  });

  it('asks for no more presses to leave than to join', () => {
    expect(html('unsubscribe').split('<button')).to.have.length(2);
    expect(html('unsubscribe')).not.to.match(/type="(checkbox|radio|text|email)"/);
  });
});

function elementsOf(source: string): Element[] {
  const walk = (node: DefaultTreeAdapterTypes.ChildNode): Element[] =>
    'tagName' in node ? [node, ...node.childNodes.flatMap(walk)] : [];
  return parse(source).childNodes.flatMap(walk);
}

function attribute(element: Element, name: string): string | undefined {
  return element.attrs.find((attr) => attr.name === name)?.value;
}

import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../server/config.js';
import { catalogProblems } from '../support/catalogs.js';
import { readSources } from '../support/source.js';
import { chooseLanguage, directionOf, formatBytes, formatDate } from '../../server/web/i18n.js';
import { formatDateTime, formatNumber, formatTime, languageLinks, loadCatalogs } from '../../server/web/i18n.js';
import { translate, zoneName, type Catalogs } from '../../server/web/i18n.js';

const catalogs = loadCatalogs(ROOT);
const MOMENT = new Date('2026-12-03T13:05:00Z');
const WARSAW = 'Europe/Warsaw';

describe('catalogs', () => {
  it('have every text in every language, with the same placeholders and all plural forms', () => {
    expect(catalogProblems(catalogs)).to.deep.equal([]);
  });

  it('tell of a missing text, of other placeholders and of a missing plural form', () => {
    const made: Catalogs = new Map([
      ['en', messages({ a: 'x', b: '{name}', 'c.one': '{count} mail', 'c.other': '{count} mails' })],
      ['pl', messages({ b: '{nazwa}', 'c.one': '{count}', 'c.other': '{count}' })],
    ]);

    expect(catalogProblems(made)).to.deep.equal([
      'a: missing in pl',
      'b: placeholders differ: name | nazwa',
      'c: pl lacks the form few',
      'c: pl lacks the form many',
    ]);
  });

  it('hold every text that a template asks for, and no other', () => {
    const known = new Set([...(catalogs.get('en')?.keys() ?? [])].map((key) => key.replace(/\.(one|other)$/, '')));
    const { keys, prefixes } = askedFor(join(ROOT, 'templates'));
    // Code asks for some by their whole name, or by all but the last word.
    const code = readSources('server')
      .map(({ text }) => text)
      .join('\n');

    const used = (key: string) =>
      keys.has(key) ||
      prefixes.some((prefix) => key.startsWith(`${prefix}.`)) ||
      code.includes(`'${key}'`) ||
      code.includes(`\`${key.slice(0, key.lastIndexOf('.') + 1)}$`);
    expect([...keys].filter((key) => !known.has(key))).to.deep.equal([]);
    expect([...known].filter((key) => !used(key))).to.deep.equal([]);
  });
});

describe('translate', () => {
  it('chooses the plural form of each language', () => {
    const polish = [1, 3, 5, 22].map((count) => translate(catalogs, 'pl', 'magicSent.until', { count }));

    expect(polish.map((text) => /\d+ \p{L}+/u.exec(text)?.[0])).to.deep.equal([
      '1 minutę',
      '3 minuty',
      '5 minut',
      '22 minuty',
    ]);
    expect(translate(catalogs, 'en', 'magicSent.until', { count: 1 })).to.contain('1 minute.');
  });

  it('throws on a missing text, placeholder or language', () => {
    expect(() => translate(catalogs, 'en', 'no.such')).to.throw('no.such');
    expect(() => translate(catalogs, 'en', 'undo.button')).to.throw('{time}');
    expect(() => translate(catalogs, 'xx', 'undo.button')).to.throw('xx');
  });
});

describe('formats', () => {
  it('write dates in words, in the zone given', () => {
    expect(formatDate('en', MOMENT, WARSAW)).to.equal('3 December 2026');
    expect(formatDate('pl', MOMENT, WARSAW)).to.equal('3 grudnia 2026');
    expect(formatDateTime('en', MOMENT, WARSAW)).to.equal('3 December 2026 at 14:05');
    expect(formatTime('pl', MOMENT, 'UTC')).to.equal('13:05');
    expect(zoneName('en', WARSAW)).to.equal('Central European Time');
    expect(zoneName('pl', WARSAW)).to.equal('czas środkowoeuropejski');
    expect(zoneName('pl', 'UTC')).to.equal('UTC');
  });

  it('write numbers and sizes as the language does', () => {
    expect(formatNumber('en', 12345)).to.equal('12,345');
    expect(formatNumber('pl', 12345)).to.equal('12\u00a0345');
    expect(formatBytes('en', 900)).to.equal('900\u00a0bytes');
    expect(formatBytes('en', 6412)).to.equal('6\u00a0kB');
    expect(formatBytes('pl', 1_500_000)).to.equal('1,5\u00a0MB');
  });
});

describe('chooseLanguage', () => {
  const available = ['en', 'pl'];

  it('takes the path, then the subscription, then what the browser asks for, then English', () => {
    expect(chooseLanguage({ path: 'pl', subscription: 'en', acceptLanguage: 'en' }, available)).to.equal('pl');
    expect(chooseLanguage({ path: 'xx', subscription: 'pl', acceptLanguage: 'en' }, available)).to.equal('pl');
    expect(chooseLanguage({ acceptLanguage: 'de, en;q=0.5, pl-PL;q=0.8' }, available)).to.equal('pl');
    expect(chooseLanguage({ acceptLanguage: 'pl;q=0, de' }, available)).to.equal('en');
    expect(chooseLanguage({}, available)).to.equal('en');
    expect(chooseLanguage({ acceptLanguage: ',;;q=,'.repeat(9999) }, ['pl'])).to.equal('pl');
  });

  it('names each language in itself', () => {
    const links = languageLinks(available, 'pl', (code) => `?lang=${code}`);

    expect(links).to.deep.equal([
      { code: 'en', name: 'English', href: '?lang=en', current: false },
      { code: 'pl', name: 'Polski', href: '?lang=pl', current: true },
    ]);
    expect([directionOf('pl'), directionOf('ar')]).to.deep.equal(['ltr', 'rtl']);
  });
});

function messages(texts: Record<string, string>) {
  const parse = (text: string) => ({ literals: [], names: [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '') });
  return new Map(Object.entries(texts).map(([key, text]) => [key, parse(text)]));
}

/** The keys in `{{t "key"}}`, and the beginnings in `{{t (key "beginning" ...)}}`, of all templates. */
function askedFor(folder: string): { keys: Set<string>; prefixes: string[] } {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(hbs|mjml)$/.test(file));
  const source = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  const all = (pattern: RegExp) => [...source.matchAll(pattern)].map((match) => match[1] ?? '');
  return { keys: new Set(all(/\bt "([^"]+)"/g)), prefixes: all(/\bt \(key "([^"]+)"/g) };
}

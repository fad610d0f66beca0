import { expect } from 'chai';
import fc from 'fast-check';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../../server/config.js';
import { Refusal } from '../../server/errors.js';
import { footerHtml, footerText, type Footer } from '../../server/mail/footer.js';
import { hole } from '../../server/mail/hole.js';
import { injectHtml, injectText } from '../../server/mail/inject.js';
import { fillPlaceholders } from '../../server/mail/placeholders.js';
import { proveLinks } from '../../server/mail/visible.js';

const U = 'https://example.org/u/abc';
const P = 'https://example.org/p/abc';
const FOOTER: Footer = {
  why: 'Otrzymujesz tę wiadomość, bo 2 marca potwierdzono zapis tego adresu na listę „News & <more>”.',
  unsubscribeLabel: 'Wypisz mnie z listy „News & <more>”',
  settingsLabel: 'Ustawienia wiadomości',
  identity: 'Księgarnia sp. z o.o., ul. Długa 1, Łódź',
  noticeLabel: 'Jak przetwarzamy dane',
  noticeUrl: 'https://example.org/privacy/shop',
  language: 'pl',
  dir: 'ltr',
  unsubscribeUrl: U,
  preferencesUrl: P,
};

function reasonOf(html: string): string {
  try {
    injectHtml(html, FOOTER);
    return '';
  } catch (error) {
    if (error instanceof Refusal && error.code === 'template-refused') return error.message;
    throw error;
  }
}

/** The input with `|` where the footer went. */
function markPlace(html: string): string {
  const { offset } = injectHtml(html, FOOTER);
  return `${html.slice(0, offset)}|${html.slice(offset)}`;
}

describe('footerHtml', () => {
  it('is ASCII, escaped, in its language, with links at least 24 px high that no style sheet can hide', () => {
    const html = footerHtml({ ...FOOTER, dir: 'rtl', language: 'ar' });

    expect(html).to.match(/^[\n\x20-\x7e]*$/);
    expect(html).to.contain('<div lang="ar" dir="rtl"');
    expect(html).to.contain('News &amp; &lt;more&gt;');
    expect(html).to.contain('&#322;'); // ł
    for (const [, style = ''] of html.matchAll(/<a [^>]*style="([^"]*)"/g)) {
      expect(style).to.contain('min-height:24px!important');
      const properties = (styles: string[]) => styles.map((one) => one.slice(0, one.indexOf(':')));
      const all = style.split(';').map((one) => one.trim());
      const plain = all.filter((one) => !one.endsWith('!important'));
      const important = all.filter((one) => one.endsWith('!important'));
      // Outlook reads the plain ones only.
      expect(properties(plain)).to.include.members(['color', 'background', 'font-size', 'mso-hide']);
      expect(properties(important)).to.include.members(properties(plain)).and.include('all');
    }
    expect(html).not.to.match(/<(?:img|script|style|link)|url\(/);
  });

  it('is seen whatever the style sheet of the mail says about links and boxes', () => {
    const css =
      'a,div,*{display:none!important;visibility:hidden!important;opacity:0!important;font-size:0!important;max-height:0!important;overflow:hidden!important;text-indent:-9999px!important;color:transparent!important;clip-path:inset(100%)!important;position:absolute!important;left:-9999px!important}';
    const whyUnseen = proveLinks(
      `<html><head><style>${css.replace(',*', '')}</style></head><body>${footerHtml(FOOTER)}</body></html>`,
    );

    expect(whyUnseen(U)).to.equal(null);
    expect(whyUnseen(P)).to.equal(null);
  });
});

describe('footerText', () => {
  it('follows an empty line and underscores, words first and each URL whole on its own line', () => {
    expect(injectText('Hello', FOOTER).text.split('\n')).to.deep.equal([
      'Hello',
      '',
      '_'.repeat(40),
      FOOTER.why,
      FOOTER.unsubscribeLabel,
      `<${U}>`,
      FOOTER.settingsLabel,
      `<${P}>`,
      FOOTER.identity,
      FOOTER.noticeLabel,
      '<https://example.org/privacy/shop>',
      '',
    ]);
    expect(footerText(FOOTER)).not.to.match(/ \n|^-- $/m);
  });
});

describe('injectHtml', () => {
  it('gives the input back when the inserted range is cut, for any input', () => {
    const bit = fc.constantFrom(
      ...[
        '<html>',
        '<body>',
        '</body>',
        '</html>',
        '<!--',
        '-->',
        '<table><tr><td>',
        '</table>',
        '<style>',
        '</style>',
      ],
      ...[
        '<script>"',
        '</script>',
        '<textarea>',
        '<title>',
        '</title>',
        '<a href="',
        '">',
        'ż 😀',
        '<template>',
        '<svg>',
      ],
      ...['<noscript>', '</noscript>', '<p hidden>', '<!--[if mso]>', '<![endif]-->', '<select>', '\r\n', '<frameset>'],
    );
    let injected = 0;
    fc.assert(
      fc.property(fc.array(bit, { maxLength: 12 }), (bits) => {
        const html = bits.join('');
        if (reasonOf(html) !== '') return;
        injected += 1;

        const { html: whole, offset, length } = injectHtml(html, FOOTER);
        expect(whole.slice(0, offset) + whole.slice(offset + length)).to.equal(html);
        expect(proveLinks(whole)(U)).to.equal(null);
      }),
      { numRuns: 1000 },
    );
    expect(injected).to.be.above(100);
  });

  it('inserts before the last real </body>, else before </html>, else at the end', () => {
    const places = [
      '<html><body><p>a</p>|</body></html>',
      '<body>a</body><p>more</p>|</body>',
      '<p>a</p>|</html>',
      '<p>a</p>|',
      '|',
      '<body>a|</body><!-- </body> -->',
      '<body>a|</body><!--[if mso]></body><![endif]-->',
      '<body><script>"</body>"</script>a|</BODY >',
      '<body><style>/*</body>*/</style>a|</body>',
      '<body><textarea></body></textarea>a|</body>',
      '<body><noscript></body></noscript>a|</body>',
      '<head><title></body></title></head><body>a|</body>',
      '<body>a<i title="</body>">b</i>|</body>',
      '<body><svg><title>x</title></svg>a|</body>',
      '<body><template></body></template>a|</html>',
    ];
    for (const place of places) expect(markPlace(place.replace('|', ''))).to.equal(place);
  });

  it('refuses, and says why, when the footer would be swallowed or hidden', () => {
    const cases: [string, RegExp][] = [
      ['<body>a<!-- open', /comment before it is not closed/],
      ['<body>a<style>b', /<style> before it is not closed/],
      ['<body>a<textarea>b', /<textarea> before it is not closed/],
      ['<head><title>b', /<title> before it is not closed/],
      ['<body>a<script>b', /<script> before it is not closed/],
      ['<body>a<noscript>b', /<noscript> before it is not closed/],
      ["<body>a<b title='", /an element before it is not closed/],
      ['<body>a<template>b', /not closed/],
      ['<body>a<div hidden>b', /<div hidden>/],
      ['<body>a<div style="display:none">b', /"display: none" on <div>/],
      ['<body>a<div style="DISPLAY : NONE ! important">b', /"display: none" on <div>/],
      ['<body>a<div style="d\\69splay:none">b', /"display: none" on <div>/],
      ['<body>a<div style="opacity:0">b', /"opacity: 0" on <div>/],
      ['<body>a<div style="max-height:0;overflow:hidden">b', /hides it/],
      ['<body>a<div style="position:absolute;left:-9999px">b', /hides it/],
      ['<body>a<details><summary>x</summary>b', /<details closed>/],
      ['<style>body{display:none}</style><body>a</body>', /"display: none" on <body>/],
      [
        '<style>@media screen{html body.x{opacity:0!important}}</style><body class="x">a</body>',
        /"opacity: 0" on <body>/,
      ],
      ['<style>.a{overflow:hidden}.A{max-height:0}</style><body class="a">a</body>', /hides it/],
      ['<body>a<div style="zoom:0">b', /"zoom: 0" on <div>/],
      ['<html style="display:none"><body>a</body></html>', /"display: none" on <html>/],
      ['<frameset><frame></frameset>', /no place for it/],
    ];
    for (const [html, reason] of cases) expect(reasonOf(html), html).to.match(reason);
  });

  it('is not misled by what children may set anew', () => {
    for (const style of [
      'visibility:hidden',
      'font-size:0',
      'color:transparent',
      'text-indent:-9999px',
      'font:0/0 a',
    ]) {
      expect(reasonOf(`<body>a<div style="${style}">b`), style).to.equal('');
    }
  });

  it('adds nothing when the mail shows both links, and only the other one when it shows one', () => {
    const both = `<body><a href="${U}">Leave</a> <a href="${P}">Settings</a></body>`;
    const one = `<body><a href="${U}">Leave</a></body>`;

    expect(injectHtml(both, FOOTER)).to.include({ html: both, length: 0 });
    const { html } = injectHtml(one, FOOTER);
    expect(html.split(U)).to.have.length(2);
    expect(html.split(P)).to.have.length(2);
  });

  it('adds the footer when the links of the mail cannot be seen', () => {
    const hidden = [
      `<p style="display:none"><a href="${U}">Leave</a></p>`,
      `<a href="${U}" style="font-size:1px">Leave</a>`,
      `<a href="${U}"><img src="x.png"></a>`,
      `<a href="${U}" style="color:#fff">Leave</a>`,
      `<table><tr><td bgcolor="#112233"><a style="color:rgb(17, 34, 51)" href="${U}">Leave</a></td></tr></table>`,
      `<style>.x a{display:none}</style><p class="x"><a href="${U}">Leave</a></p>`,
      `<style>@media (max-width:600px){.x{visibility:hidden}}</style><p class="x"><a href="${U}">Leave</a></p>`,
      `<!-- <a href="${U}">Leave</a> -->`,
      `<a href="http://${U}">Leave</a>`,
      `<div style="color:rgba(0,0,0,0.05)"><a style="color:rgba(0,0,0,0.05)" href="${U}">Leave</a></div>`,
    ];
    for (const html of hidden)
      expect(injectHtml(html, FOOTER).html.split(`href="${U}"`), html).to.have.length.above(
        html.includes(`href="${U}"`) ? 2 : 1,
      );
  });

  it('takes a link of the mail for visible where it is', () => {
    const seen = [
      `<table><tr><td style="font-size:0"><div style="font-size:13px"><a href="${U}">Leave</a></div></td></tr></table>`,
      `<table><tr><td bgcolor="#000"><a style="color:#fff" href="${U}">Leave</a></td></tr></table>`,
      `<a href="${U}" style="color:rgb(255, 0, 0)">Leave</a>`,
      `<style>.y a{display:none} a::after{display:none} p a i{opacity:0}</style><p class="x"><a href="${U}">Leave</a></p>`,
      `<style>.x{display:none}</style><p class="x" style="display:block!important"><a href="${U}">Leave</a></p>`,
    ];
    for (const html of seen) expect(proveLinks(html)(U), html).to.equal(null);
  });

  it('answers in good time for hostile input', () => {
    const hostile = [
      '<div>'.repeat(30_000),
      `<style>${'a'.repeat(300_000)}</style>`,
      `<style>${'{'.repeat(100_000)}</style>`,
      `<body style="${';'.repeat(300_000)}">`,
      `<style>${'a '.repeat(50_000)}{display:none}</style>`,
      `<a href="${U}">`.repeat(2000),
      '</body>'.repeat(50_000),
      '<!--'.repeat(100_000),
    ];
    for (const html of hostile) {
      const start = performance.now();
      reasonOf(html);
      expect(performance.now() - start, html.slice(0, 20)).to.be.below(5000);
    }
  });
});

describe('injectText', () => {
  it('gives the input back when the inserted range is cut, for any input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const { text: whole, offset, length } = injectText(text, FOOTER);

        expect(whole.slice(0, offset) + whole.slice(offset + length)).to.equal(text);
        expect(whole).to.contain(`\n<${U}>\n`);
      }),
    );
  });

  it('adds nothing when both links stand there, and the footer when a link is glued to something', () => {
    expect(injectText(`Leave: ${U}\nSettings: <${P}>.`, FOOTER).length).to.equal(0);
    expect(injectText(`Leave: ${U}more\nSettings: <${P}>`, FOOTER).text).to.contain(`<${U}>`);
  });
});

describe('fillPlaceholders', () => {
  const values = {
    unsubscribeUrl: hole('unsubscribe_url'),
    preferencesUrl: P,
    list: 'A & B',
    organisation: '<Shop>',
    webVersionUrl: 'https://x.example/w',
  };

  it('fills ours, escaped in HTML, also where an editor encoded them', () => {
    const source =
      '<a href="{{unsubscribe_url}}">{{ list }}</a><a href="%7B%7Bpreferences_url%7D%7D">{{organisation}}</a>';

    expect(fillPlaceholders(source, 'html', values)).to.equal(
      `<a href="${hole('unsubscribe_url')}">A &amp; B</a><a href="${P}">&lt;Shop&gt;</a>`,
    );
    expect(fillPlaceholders('{{list}}', 'text', values)).to.equal('A & B');
  });

  it('refuses every other merge tag with its line and the list of those that work', () => {
    const tags = ['{{first_name}}', '{{#if a}}', '{{{list}}}', '{{ a', '*|FNAME|*', '[[name]]', '%%name%%', '<%= a %>'];
    for (const tag of [...tags, '{% if a %}', '${name}', '{$name}', '%FIRSTNAME%', '[FNAME]', '%7B%7Bname%7D%7D']) {
      const attempt = () => fillPlaceholders(`one {{list}}\ntwo\nHi ${tag} there`, 'html', values);

      expect(attempt, tag).to.throw(
        Refusal,
        /^Line 3: .*These work: \{\{unsubscribe_url\}\}, \{\{preferences_url\}\}/s,
      );
    }
  });

  it('leaves percent signs, brackets and braces alone that are no merge tags', () => {
    const source = 'a{b:c}}<!--[if mso]><![endif]--> 50% off 20% <a href="?q=%C3%ABC%20ABCD%20"> [PDF] $5 {x}';

    expect(fillPlaceholders(source, 'html', values)).to.equal(source);
  });

  it('refuses marks of holes that a template brings along', () => {
    expect(() => fillPlaceholders(hole('unsubscribe_url'), 'html', values)).to.throw(Refusal);
  });
});

describe('real newsletters', () => {
  it('take the footer where it is seen, and give the input back when it is cut', function () {
    const folder = join(resolve(ROOT, process.env['SHARED_DIR'] ?? '../shared'), 'corpus/templates');
    if (!existsSync(folder)) {
      if (process.env['CI']) throw new Error(`no corpus at ${folder}`);
      console.log(`      (skipped: no corpus at ${folder})`);
      this.skip();
    }
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.html?$/.test(file));
    const refused = files.filter((file) => {
      const html = readFileSync(join(folder, file), 'utf8');
      const reason = reasonOf(html);
      if (reason !== '') return true;
      const { html: whole, offset, length } = injectHtml(html, FOOTER);
      expect(whole.slice(0, offset) + whole.slice(offset + length), file).to.equal(html);
      return false;
    });

    expect(files).to.have.length.above(100);
    expect(refused).to.deep.equal([]);
  }).timeout(120_000);
});

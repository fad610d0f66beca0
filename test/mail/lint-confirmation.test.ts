import { expect } from 'chai';
import { lintConfirmation } from '../../server/mail/lint-confirmation.js';

const CLEAN = {
  subject: 'Please confirm: News',
  text: `Hello,
on 2 March this address was entered in the form at example.org, to receive e-mail.
Sender: Shop · List: News · Text agreed to: "I want marketing e-mail. I can withdraw at any time."
If it was you, open this page and press the button on it:
https://example.org/c/AbC_d-1
The link works until 9 March. All links in this mail lead to example.org.
If it was not you, do nothing. To block further requests: This was not me
https://example.org/n/AbC_d-1
Shop Ltd, 1 Long Street
How your data is used: https://example.org/privacy/shop`,
  html: `<html><head><title>Please confirm</title></head><body style="color:#111"><p>Hello,</p>
<p><a href="https://example.org/c/AbC_d-1">Open the confirmation page</a></p>
<p><a href="https://example.org/n/AbC_d-1">This was not me</a></p>
<p>Shop Ltd · <a href="https://example.org/privacy/shop">How your data is used</a></p></body></html>`,
  listName: 'News',
  wording: 'I want marketing e-mail from Shop about books, weekly. I can withdraw at any time.',
};

describe('lintConfirmation', () => {
  it('finds nothing in the mail of the copy book, in English and Polish', () => {
    expect(lintConfirmation(CLEAN)).to.deep.equal([]);
    const polish = {
      ...CLEAN,
      subject: 'Potwierdź zapis: Nowości',
      wording: 'Chcę otrzymywać informacje marketingowe pocztą elektroniczną. Zgodę mogę wycofać w każdej chwili.',
    };
    expect(lintConfirmation(polish)).to.deep.equal([]);
  });

  it('finds slogans in every part, also in the name of the list and the wording', () => {
    const slogans = ['Best deals', '20% off', 'Sale', 'for free', 'Rabaty', 'Promocje', 'Okazja', 'tylko dziś', 'Hi!'];
    for (const words of [...slogans, 'Welcome', 'Witamy', 'Questions? Contact us', 'obserwuj nas', 'Zniżka']) {
      for (const place of ['subject', 'listName', 'wording', 'text'] as const) {
        expect(lintConfirmation({ ...CLEAN, [place]: `${CLEAN[place]} ${words}` }), `${place}: ${words}`).not.to.be
          .empty;
      }
      expect(lintConfirmation({ ...CLEAN, html: CLEAN.html.replace('Hello,', words) }), words).not.to.be.empty;
    }
  });

  it('finds pictures, pixels and anything loaded from elsewhere', () => {
    const bits = [
      '<img src="https://x.example/logo.png" alt="Shop">',
      '<img src="https://x.example/p.gif" width="1" height="1">',
      '<p style="background:url(https://x.example/a.png)">a</p>',
      '<style>@import "https://x.example/a.css";</style>',
      '<link rel="stylesheet" href="https://x.example/a.css">',
      '<table background="https://x.example/a.png"></table>',
      '<script>1</script>',
      '<svg></svg>',
    ];
    for (const bit of bits) {
      expect(lintConfirmation({ ...CLEAN, html: CLEAN.html.replace('</body>', `${bit}</body>`) }), bit).to.have.length(
        1,
      );
    }
    const pixel = CLEAN.html.replace('</body>', `${bits[1] ?? ''}</body>`);
    expect(lintConfirmation({ ...CLEAN, html: pixel })).to.deep.equal(['There is a tracking pixel.']);
  });

  it('wants exactly one link of each kind in each part', () => {
    const more = CLEAN.html.replace('</body>', '<a href="https://example.org/shop">Our shop</a></body>');
    const fewer = CLEAN.html.replace(/<p><a href="[^"]*\/n\/.*/, '');
    const social = CLEAN.html.replace('</body>', '<a href="https://www.facebook.com/shop">f</a></body>');

    expect(lintConfirmation({ ...CLEAN, html: more })).to.have.length(1);
    expect(lintConfirmation({ ...CLEAN, html: fewer })).to.have.length(1);
    expect(lintConfirmation({ ...CLEAN, html: social })[0]).to.contain('social network');
    expect(lintConfirmation({ ...CLEAN, text: '' })).to.have.length(3);
  });
});

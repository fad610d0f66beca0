import { expect } from 'chai';
import { visitorOf } from '../../server/campaigns/visitor.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const OUTLOOK = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; Trident/7.0; rv:11.0) like Gecko';

describe('who follows a link', () => {
  const CASES = [
    ['somebody with a browser', { 'user-agent': FIREFOX, 'sec-fetch-mode': 'navigate' }, 'person'],
    ['an old program of a person', { 'user-agent': OUTLOOK }, 'person'],
    ['what says that it is a browser of today and does not behave as one', { 'user-agent': FIREFOX }, 'machine'],
    ['a script on a page', { 'user-agent': FIREFOX, 'sec-fetch-mode': 'cors' }, 'machine'],
    ['a browser that looks ahead', { 'user-agent': FIREFOX, 'sec-purpose': 'prefetch;prerender' }, 'machine'],
    ['an older one', { 'user-agent': FIREFOX, 'x-moz': 'prefetch' }, 'machine'],
    ['a gateway', { 'user-agent': 'Mozilla/5.0 (compatible; BarracudaCentral; link check)' }, 'machine'],
    ['a program', { 'user-agent': 'python-requests/2.32.3 with extras' }, 'machine'],
    ['whoever says nothing', {}, 'machine'],
    ['Apple, for all its users', { 'user-agent': 'Mozilla/5.0' }, 'proxy'],
    [
      "Google's proxy, when a mail is opened",
      { 'user-agent': 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)' },
      'person',
    ],
  ] as const;

  for (const [who, headers, expected] of CASES) {
    it(`${who} is a ${expected}`, () => {
      expect(visitorOf({ method: 'GET', headers, isTls: true })).to.equal(expected);
    });
  }

  it('is a machine whenever only the head is asked for', () => {
    const headers = { 'user-agent': FIREFOX, 'sec-fetch-mode': 'navigate' };

    expect(visitorOf({ method: 'HEAD', headers, isTls: true })).to.equal('machine');
  });
});

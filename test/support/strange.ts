import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { DEMO } from '../../server/tour/demo.js';
import type { Places } from './places.js';

/** A body that cannot be a form, and what is answered wherever a form is read. */
export type Broken = readonly [
  name: string,
  type: string | null,
  body: string | Buffer,
  status: number,
  encoding?: string,
];

export const URLENCODED = 'application/x-www-form-urlencoded';
export const MULTIPART = 'multipart/form-data; boundary=x';
export const JSON_TYPE = 'application/json';
export const TEN_MB = 'a'.repeat(10_000_000);
export const MANY = Array.from({ length: 5_000 }, (_, i) => `f${i}`);
const BOMB = Buffer.from(`email=${TEN_MB}`);

export const BROKEN: readonly Broken[] = [
  ['a multipart form that was cut off', MULTIPART, part('email', 'a@gmail.com').slice(0, -12), 400],
  ['a multipart form that ends inside a header', MULTIPART, '--x\r\nContent-Disposition: form-', 400],
  ['a multipart form with another boundary', 'multipart/form-data; boundary=y', part('email', 'a@gmail.com'), 400],
  ['a multipart form without a boundary', 'multipart/form-data', part('email', 'a@gmail.com'), 400],
  ['a part without a name', MULTIPART, part('email', 'a').replace('; name="email"', ''), 400],
  ['a part with a broken header', MULTIPART, '--x\r\n: \0\r\n\r\na\r\n--x--\r\n', 400],
  ['another kind of multipart', 'multipart/mixed; boundary=x', part('email', 'a@gmail.com'), 415],
  ['a file where none belongs', MULTIPART, part('email"; filename="a.txt', 'a'), 400],
  ['JSON that was cut off', JSON_TYPE, '{"email":"a@gm', 400],
  ['JSON with a comma too many', JSON_TYPE, '{"email":"a@gmail.com",}', 400],
  ['JSON that is a list', JSON_TYPE, '["a@gmail.com"]', 400],
  ['JSON that is a word', JSON_TYPE, '"a@gmail.com"', 400],
  ['JSON that is nothing', JSON_TYPE, 'null', 400],
  ['JSON that is as deep as it is long', JSON_TYPE, `${'['.repeat(15_000)}${']'.repeat(15_000)}`, 400],
  ['JSON in no alphabet', `${JSON_TYPE}; charset=klingon`, '{}', 415],
  ['JSON that holds half a character', JSON_TYPE, '{"email":"\\ud800@gmail.com","x":1}', 400],
  ['an escape that is none', URLENCODED, 'email=%zz@gmail.com', 400],
  ['an escape that was cut off', URLENCODED, 'email=a@gmail.com&lang=%e', 400],
  ['an escape of a byte that is no letter', URLENCODED, 'email=%ff@gmail.com', 400],
  ['bytes that are no letters', URLENCODED, Buffer.from('email=\xff@gmail.com', 'latin1'), 400],
  ['a form in no alphabet', `${URLENCODED}; charset=klingon`, 'email=a@gmail.com', 415],
  ['plain text', 'text/plain', 'email=a@gmail.com', 415],
  ['XML', 'application/xml', '<email>a@gmail.com</email>', 415],
  ['a form that does not say what it is', null, Buffer.from('email=a@gmail.com'), 415],
  ['a type that is none', 'form; form; ;=', 'email=a@gmail.com', 415],
  ['a field of 10 MB', URLENCODED, `email=${TEN_MB}`, 413],
  ['a part of 10 MB', MULTIPART, part('email', TEN_MB), 413],
  ['a text of 10 MB in JSON', JSON_TYPE, JSON.stringify({ email: TEN_MB }), 413],
  ['a name of 10 MB', MULTIPART, part(TEN_MB, 'a'), 400],
  ['5,000 fields', URLENCODED, MANY.map((name) => `${name}=1`).join('&'), 413],
  ['5,000 parts', MULTIPART, MANY.map((name) => part(name, '1').replace('--x--\r\n', '')).join('') + '--x--\r\n', 413],
  ['a gzip bomb', URLENCODED, gzipSync(BOMB), 413, 'gzip'],
  ['a deflate bomb', URLENCODED, deflateSync(BOMB), 413, 'deflate'],
  ['a brotli bomb', URLENCODED, brotliCompressSync(BOMB), 413, 'br'],
  ['a gzip bomb in JSON', JSON_TYPE, gzipSync(Buffer.from(JSON.stringify({ email: TEN_MB }))), 413, 'gzip'],
  ['a gzip bomb in parts', MULTIPART, gzipSync(Buffer.from(part('email', TEN_MB))), 400, 'gzip'],
  ['what is called gzip and is none', URLENCODED, 'email=a@gmail.com', 400, 'gzip'],
  ['an encoding that there is not', URLENCODED, 'email=a@gmail.com', 415, 'rot13'],
];

export const BAD_ADDRESSES = [
  '',
  ' ',
  '@',
  'ada',
  'ada@',
  '@gmail.com',
  'ada@gmail',
  'ada@@gmail.com',
  'a b@gmail.com',
  'ada@gmail..com',
  '.ada@gmail.com',
  'ada@gmail.com\r\nBcc: eve@gmail.com',
  'ada@gmail.com\nBcc: eve@gmail.com',
  'ada\r@gmail.com',
  'ada@gmail.com%0d%0aBcc:eve@gmail.com',
  'ada@gmail.com\u2028Bcc: eve@gmail.com',
  'ada@gmail.com\u0085',
  'ada\u202e@gmail.com',
  'ada\u200b@gmail.com',
  'ada@gmail.com,eve@gmail.com',
  'ada@gmail.com;eve@gmail.com',
  '<ada@gmail.com>',
  'Ada <ada@gmail.com>',
  '"a b"@gmail.com',
  'ada@[127.0.0.1]',
  'ada@127.0.0.1',
  'ada@-gmail.com',
  `${'a'.repeat(65)}@gmail.com`,
  `ada@${'a'.repeat(64)}.com`,
  `ada@${'a.'.repeat(150)}com`,
  'ada@xn--.com',
  'ada@b\u00fccher',
  'ada\ufffd@gmail.com',
  '\u{1f600}@gmail.com',
  'ada@\u{1f600}.com',
  'a'.repeat(5_000),
];

export const LINE_ENDINGS = ['\r\n', '\n', '\r', '\u2028', '\u2029'];

/** What stands in a line of a mail or in a header, by where a file for `zgoda setup` has it. */
export const NAMED: readonly (readonly [where: string, change: (one: typeof DEMO, bad: string) => void])[] = [
  ['organisation.name', (one, bad) => (one.organisation.name = bad)],
  ['organisation.legalName', (one, bad) => (one.organisation.legalName = bad)],
  ['organisation.privacyContact', (one, bad) => (one.organisation.privacyContact = bad)],
  ['organisation.fromAddress', (one, bad) => (one.organisation.fromAddress = `letters@bookshop.example${bad}`)],
  ['organisation.publicUrl', (one, bad) => (one.organisation.publicUrl = `https://bookshop.example/${bad}`)],
  ['organisation.inboundDomain', (one, bad) => (one.organisation.inboundDomain = `in.bookshop.example${bad}`)],
  ['organisation.slug', (one, bad) => (one.organisation.slug = bad)],
  ['lists.0.slug', (one, bad) => (one.lists[0]!.slug = bad)],
  ['lists.0.texts.en.name', (one, bad) => (one.lists[0]!.texts.en!.name = bad)],
  ['lists.0.texts.en.frequency', (one, bad) => (one.lists[0]!.texts.en!.frequency = bad)],
  ['forms.0.allowedOrigins.0', (one, bad) => (one.forms![0]!.allowedOrigins = [`https://shop.example${bad}`])],
];

/** As typed; as the mailbox shows it; as the mail is addressed; as pages show it. */
export const INTERNATIONAL: readonly (readonly [given: string, shown: string, to: string, masked: string])[] = [
  ['dora@bücher.example', 'dora@bücher.example', 'dora@xn--bcher-kva.example', 'd…@b….example'],
  ['fritz@BÜCHER.example', 'fritz@bücher.example', 'fritz@xn--bcher-kva.example', 'f…@b….example'],
  ['greta@księgarnia。example', 'greta@księgarnia.example', 'greta@xn--ksigarnia-2ib.example', 'g…@k….example'],
  ['żółw@gmail.com', 'żółw@gmail.com', 'żółw@gmail.com', 'ż…@gmail.com'],
  ['用户@例子.example', '用户@例子.example', '用户@xn--fsqu00a.example', '用…@例….example'],
];

export const STRANGE_NAMES = [
  ...[
    '%00',
    'a%00b',
    '%0d%0aX-Evil:1',
    '%ff',
    '%zz',
    '%',
    '..%2f..%2fetc%2fpasswd',
    '__proto__',
    'constructor',
    'null',
    '-1',
  ],
  ...['1e999', '%F0%9F%98%80', '%E2%80%A8', "'%20or%201=1--", 'AAAA', 'a'.repeat(9_000), `AX${'A'.repeat(50)}`],
];

export const STRANGE_QUERIES = [
  ...[
    'lang=%zz',
    'lang=%ff',
    'lang=xx',
    'lang[]=pl',
    'lang=en&lang=pl',
    '__proto__=1',
    'page=1e999',
    'page=-5',
    'page=%00',
  ],
  ...[
    'page=99999999999999',
    'footer=%00',
    'footer=__proto__',
    'to=%00&limit=-1&before=x',
    'limit=1e9',
    'images=%ff',
    'test=x',
  ],
  ...['next=//evil.example', 'List-Unsubscribe=One-Click', '%', '&&&===', `lang=${'a'.repeat(9_000)}`],
];

export const STRANGE_COOKIES = [
  ...[
    'zgoda_staff',
    'zgoda_staff=',
    'zgoda_staff=%00',
    'zgoda_staff=%zz',
    'zgoda_staff="a"',
    ';;;===',
    '=',
    '\xff=\xff',
  ],
  ...['zgoda_language=__proto__', 'zgoda_language=%0d%0a', 'zgoda_settings=; zgoda_settings=', 'a=1;'.repeat(2_000)],
  ...[`zgoda_staff=${'a'.repeat(43)}`, `zgoda_settings=${'A'.repeat(43)}`, `zgoda_staff=${'a'.repeat(9_000)}`],
];

const HEAD = 'Host: localhost\r\nConnection: close\r\n';
const POST_FORM = `POST /lists/news HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\n`;

/** What no client library would send. */
export const RAW: readonly (readonly [name: string, status: number, request: string | ((places: Places) => string)])[] =
  [
    ['a length and chunks', 400, `${POST_FORM}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', 400, `${POST_FORM}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a length below nothing', 400, `${POST_FORM}Content-Length: -1\r\n\r\n{}`],
    ['a length beyond all numbers', 400, `${POST_FORM}Content-Length: ${'9'.repeat(30)}\r\n\r\n{}`],
    ['a chunk without a length', 400, `${POST_FORM}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`],
    ['chunks inside gzip', 400, `${POST_FORM}Transfer-Encoding: chunked, gzip\r\n\r\n`],
    ['an encoding of its own', 400, `${POST_FORM}Transfer-Encoding: xchunked\r\n\r\n`],
    [
      'a request behind a request',
      400,
      `POST /lists/news HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /evil.example HTTP/1.1\r\n\r\n`,
    ],
    ['NUL in the path', 400, `GET /lists/ne\0ws HTTP/1.1\r\n${HEAD}\r\n`],
    ['NUL in a header', 400, `GET /lists/news HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`],
    ['lines that end too early', 400, `GET /lists/news HTTP/1.1\nHost: localhost\nConnection: close\n\n`],
    ['a folded header', 400, `GET /lists/news HTTP/1.1\r\n${HEAD}X: a\r\n b\r\n\r\n`],
    ['a language that is not HTTP', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n'],
    ['HTTP of the far future', 400, `GET /lists/news HTTP/9.9\r\n${HEAD}\r\n`],
    ['a method that there is not', 400, `BREW /lists/news HTTP/1.1\r\n${HEAD}\r\n`],
    ['no host', 400, 'GET /lists/news HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['an expectation that nobody meets', 417, `${POST_FORM}Expect: 200-maybe\r\nContent-Length: 0\r\n\r\n`],
    ['an address of 20 kB', 431, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${HEAD}\r\n`],
    [
      'a question of 20 kB',
      431,
      ({ all }) => `GET ${all['/u/:token']?.path ?? ''}?a=${'a'.repeat(20_000)} HTTP/1.1\r\n${HEAD}\r\n`,
    ],
    ['cookies of 20 kB', 431, `GET /lists/news HTTP/1.1\r\n${HEAD}Cookie: a=${'a'.repeat(20_000)}\r\n\r\n`],
    ['a trace', 405, `TRACE /lists/news HTTP/1.1\r\n${HEAD}\r\n`],
    ['options of everything', 404, `OPTIONS * HTTP/1.1\r\n${HEAD}\r\n`],
    ['another site behind two slashes', 404, `GET //evil.example/ HTTP/1.1\r\n${HEAD}\r\n`],
    ['a file above our own', 404, `GET /public/../../../etc/passwd HTTP/1.1\r\n${HEAD}\r\n`],
    // The Host header is ignored (T15): no link, redirect or language switch leads there.
    ...[
      '',
      'evil.example',
      'a b',
      '[::1',
      'a@evil.example',
      'evil.example:99999',
      'http://evil.example/',
      '*',
      '\'"<>',
      'a'.repeat(5_000),
    ].map(
      (host) =>
        [
          `the host "${host.slice(0, 20)}"`,
          200,
          `GET /lists/news HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        ] as const,
    ),
    ['another site for a page that there is not', 404, `GET http://evil.example/nothing HTTP/1.1\r\n${HEAD}\r\n`],
    ['another site behind a backslash', 404, `GET /\\evil.example/ HTTP/1.1\r\n${HEAD}\r\n`],
    ['another host in the request line', 200, `GET http://evil.example/lists/news HTTP/1.1\r\n${HEAD}\r\n`],
  ];

/** One part of a multipart form, and its end. */
export function part(name: string, value: string): string {
  return `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n--x--\r\n`;
}

/** The same with a file. */
export function file(name: string): string {
  const head = `Content-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/html`;
  return `--x\r\n${head}\r\n\r\n<html><body><p>Hello</p></body></html>\r\n--x--\r\n`;
}

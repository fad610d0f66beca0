import { expect } from 'chai';
import fc from 'fast-check';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../../server/config.js';
import { bodyHash, headerHashInput, signDkim } from '../../server/mail/dkim.js';
import { signNow } from '../../server/mail/signature.js';
import { signedNames } from '../../server/mail/dkim-plan.js';
import { dkimRecord, isPublished } from '../../server/mail/dkim-record.js';
import { formatHeaders, messageIdField, type HeaderField } from '../../server/mail/headers.js';
import { campaignFields, unsubscribeFields } from '../../server/mail/list-headers.js';
import { relaxBody, relaxField } from '../../server/mail/relaxed.js';
import { compileSkeleton, fillSkeleton, formatMail } from '../../server/mail/skeleton.js';

interface Vectors {
  readonly canonicalization_rfc6376_s3_4_5: {
    readonly input_body: string;
    readonly relaxed_header: string;
    readonly relaxed_body: string;
  };
  readonly empty_body_sha256_b64: { readonly relaxed: string };
  readonly rfc8463_appendix_A: {
    readonly message_crlf: string;
    readonly ed25519_private_seed_b64: string;
    readonly ed25519_dns_name: string;
    readonly ed25519_dns_txt: string;
    readonly rsa_private_pem: string;
  };
}

function readVectors(test: Mocha.Context): Vectors {
  const file = join(resolve(ROOT, process.env['SHARED_DIR'] ?? '../shared'), 'vectors/vectors.json');
  if (!existsSync(file)) {
    if (process.env['CI']) throw new Error(`no vectors at ${file}`);
    console.log(`      (skipped: no vectors at ${file})`);
    test.skip();
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { dkim: Vectors }).dkim;
}

function splitFields(head: string): HeaderField[] {
  return head.split(/\r\n(?![ \t])/).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
}

const HEADERS = [
  ...campaignFields({
    from: { name: 'Zażółć', address: 'news@example.org' },
    replyTo: { address: 'office@example.org' },
    subject: 'Nowości – März '.repeat(9).trim(),
    listName: 'News',
    listId: 'news.example.org',
    feedbackId: ['c1', 'news', 'campaign', 'zgoda'],
  }),
];

function mailOf(text: string) {
  const skeleton = compileSkeleton({ headers: HEADERS, text, html: `<p>${text}</p>`, boundary: 'b0undaryb0undary42' });
  return fillSkeleton(skeleton, {
    to: { address: 'ada@example.com' },
    messageId: messageIdField('x1', 'example.org'),
    date: new Date('2026-01-02T03:04:05Z'),
    holes: {},
    headers: unsubscribeFields('https://example.org/u/abc'),
  });
}

async function verify(message: Buffer, publicKey: KeyObject, type: 'rsa' | 'ed25519') {
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const p = (type === 'rsa' ? der : der.subarray(-32)).toString('base64');
  const { results } = await dkimVerify(message, {
    resolver: async () => Promise.resolve([[`v=DKIM1; k=${type}; p=${p}`]]),
  });
  return results;
}

describe('relaxed canonicalisation', () => {
  it('gives what RFC 6376 3.4.5 prints', function () {
    const { canonicalization_rfc6376_s3_4_5: vector } = readVectors(this);

    const header = `${relaxField('A', ' X')}\r\n${relaxField('B ', ' Y\t\r\n\tZ  ')}\r\n`;
    expect(header).to.equal(vector.relaxed_header);
    expect(relaxBody(Buffer.from(vector.input_body)).toString()).to.equal(vector.relaxed_body);
  });

  it('hashes an empty body as the RFC does', function () {
    const { empty_body_sha256_b64: vector } = readVectors(this);

    for (const body of ['', '\r\n', '\r\n\r\n', ' \t\r\n'])
      expect(bodyHash(Buffer.from(body))).to.equal(vector.relaxed);
  });

  it('gives for any body what a line by line reading gives', () => {
    const body = fc.array(fc.constantFrom(' ', '\t', '\r\n', 'a', '.', '\r', '=', '\n'), { maxLength: 40 });
    fc.assert(
      fc.property(body, (parts) => {
        const text = parts.join('');

        const lines = text.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
        const kept = lines.join('\r\n').replace(/(?:\r\n)+$/, '');
        expect(relaxBody(Buffer.from(text)).toString()).to.equal(kept === '' ? '' : `${kept}\r\n`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('signDkim', () => {
  it('makes the signatures of RFC 8463, byte for byte', function () {
    const vector = readVectors(this).rfc8463_appendix_A;
    const [head = '', body = ''] = vector.message_crlf
      .split('\r\n\r\n', 1)
      .concat(vector.message_crlf.replace(/^[\s\S]*?\r\n\r\n/, ''));
    const fields = splitFields(head);
    const pkcs8 = Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      Buffer.from(vector.ed25519_private_seed_b64, 'base64'),
    ]);
    const keys = [
      createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
      createPrivateKey(vector.rsa_private_pem),
    ];

    for (const [i, key] of keys.entries()) {
      const printed = fields[i]?.[1] ?? '';
      const names = (/h=([^;]*)/.exec(printed)?.[1] ?? '').split(':').map((name) => name.trim());
      const unsigned = printed.replace(/b=[^;=]{20}[\s\S]*$/, 'b=');
      const signature = signNow(key, headerHashInput(fields.slice(2), names, unsigned));

      expect(printed).to.contain(`bh=${bodyHash(Buffer.from(body))}`);
      expect(signature).to.equal(printed.slice(unsigned.length).replace(/\s/g, ''));
    }
  });

  it('is verified by another implementation, for RSA and Ed25519, with both unsubscribe headers signed', async () => {
    const now = new Date('2026-01-02T03:04:05Z');
    const keys = { rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }), ed25519: generateKeyPairSync('ed25519') };
    const mail = mailOf('Zażółć gęślą jaźń  \n\n  b\n\n\n');

    for (const type of ['rsa', 'ed25519'] as const) {
      const { privateKey: key, publicKey } = keys[type];
      const [signature = ''] = await signDkim({ ...mail, now }, [{ domain: 'example.org', selector: 's1', key }]);
      const [result] = await verify(formatMail(mail, [signature]), publicKey, type);

      expect(result?.status.result).to.equal('pass');
      expect(result?.status.aligned).to.equal('example.org');
      const names = /h=([^;]*)/.exec(signature.replace(/\s/g, ''))?.[1]?.split(':') ?? [];
      for (const name of [
        'list-unsubscribe',
        'list-unsubscribe-post',
        'from',
        'to',
        'subject',
        'date',
        'content-type',
      ]) {
        expect(
          names.filter((one) => one === name),
          name,
        ).to.have.length(2);
      }
      expect(names).to.include.members(['list-id', 'feedback-id', 'mime-version', 'reply-to', 'message-id']);
      expect(signature).not.to.match(/[; ]l=/);
      for (const line of signature.split('\r\n')) expect(line.length).to.be.at.most(78);
    }
  });

  it('signs with both keys at once, each over the same headers and the same body', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ed25519 = generateKeyPairSync('ed25519');
    const mail = mailOf('Zażółć gęślą jaźń');
    const keys = [
      { domain: 'example.org', selector: 'one', key: rsa.privateKey },
      { domain: 'example.org', selector: 'two', key: ed25519.privateKey },
    ];

    const signatures = await signDkim({ ...mail, now: new Date() }, keys);
    const records = new Map(keys.map(dkimRecord).map(({ name, text }) => [name, text]));
    const { results } = await dkimVerify(formatMail(mail, signatures), {
      resolver: async (name) => Promise.resolve([[records.get(name) ?? '']]),
    });

    expect(results.map(({ selector, status }) => [selector, status.result])).to.deep.equal([
      ['one', 'pass'],
      ['two', 'pass'],
    ]);
    expect(signatures.map((text) => /a=([a-z0-9-]+)/.exec(text)?.[1])).to.deep.equal(['rsa-sha256', 'ed25519-sha256']);
    const [names, ...others] = signatures.map((text) => /h=[^;]*; bh=[^;]*/.exec(text.replace(/\s+/g, ' '))?.[0]);
    expect(names).to.be.a('string');
    expect(others).to.deep.equal([names]);
  });

  it('fails for another implementation as soon as a header is added, doubled or changed, or the body changes', async () => {
    const { privateKey: key, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const mail = mailOf('abc');
    const now = new Date(0);
    const [signature = ''] = await signDkim({ ...mail, now }, [{ domain: 'example.org', selector: 's1', key }]);

    const forged = [
      { ...mail, headers: [...mail.headers, ['Subject', 'Other'] as const] },
      { ...mail, headers: [['List-Unsubscribe', '<https://evil.example>'] as const, ...mail.headers] },
      { ...mail, headers: mail.headers.filter(([name]) => name !== 'List-Unsubscribe-Post') },
      { ...mail, body: Buffer.concat([mail.body, Buffer.from('more\r\n')]) },
    ];
    for (const one of forged) {
      const [result] = await verify(formatMail(one, [signature]), publicKey, 'rsa');
      expect(result?.status.result).not.to.equal('pass');
    }
  });

  it('keeps one-click headers from being added to a mail without them', () => {
    const headers: HeaderField[] = [['From', 'a@example.org']];

    expect(signedNames(headers)).to.include.members(['list-unsubscribe', 'list-unsubscribe-post']);
    expect(signedNames(headers).filter((name) => name === 'from')).to.have.length(2);
    expect(formatHeaders(headers)).to.equal('From: a@example.org\r\n');
  });
});

describe('the record of a key', () => {
  const { privateKey: key } = generateKeyPairSync('ed25519');
  const { text } = dkimRecord({ domain: 'example.org', selector: 's1', key });

  it('names selector and domain, and holds the bare 32 bytes of an Ed25519 key (RFC 8463 4.2)', function () {
    const vector = readVectors(this).rfc8463_appendix_A;
    const pkcs8 = Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      Buffer.from(vector.ed25519_private_seed_b64, 'base64'),
    ]);
    const printed = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });

    const record = dkimRecord({ domain: 'football.example.com', selector: 'brisbane', key: printed });

    expect(record).to.deep.equal({ name: vector.ed25519_dns_name, text: vector.ed25519_dns_txt });
  });

  it('is published by one text with this key, however it is spaced, and by nothing else', () => {
    const half = /p=(.*)$/.exec(text)?.[1] ?? '';
    const published: readonly string[][] = [
      [text],
      [`k=ed25519;p=${half}`],
      [`v=DKIM1; k=ed25519; p = ${half.slice(0, 9)} ${half.slice(9)} ;`],
      ['google-site-verification=abc', text],
    ];
    const not: readonly string[][] = [[], [''], ['v=DKIM1; p='], [text.slice(0, -4)], [text, text], [`${text}AA`]];

    for (const texts of published) expect(isPublished(texts, { key }), texts.join()).to.be.true;
    for (const texts of not) expect(isPublished(texts, { key }), texts.join()).to.be.false;
  });
});

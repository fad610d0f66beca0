import { expect } from 'chai';
import { simpleParser } from 'mailparser';
import { Refusal } from '../../server/errors.js';
import { injectFooter, prepareMessage, type EnginePolicy, type Injection } from '../../server/mail/footer-engine.js';
import { BOUNDARY, FOOTER, HEADERS, LINKS } from './footers.js';
import { innerOf, laid, openPgp, openSmime, partOf, type Sealer } from './sealing.js';

const HEAD = 'From: ada@example.org\r\nTo: chen@example.org\r\nSubject: Sealed\r\nX-Mailer: other\r\n';
const SAID = Buffer.from(
  'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nAda said =E2=80=9Cyes=E2=80=9D. =20\r\n\r\n-- =20\r\nAda\r\n',
  'latin1',
);

/** Mail that some program sealed, and how the same program opens it: what was said, or an error. */
interface Case {
  readonly what: string;
  /** From `Content-Type` or `MIME-Version` on, without the headers of the message. */
  readonly seal: (sealer: Sealer) => Buffer;
  readonly open: (sealer: Sealer, entity: Buffer) => Buffer;
}

const SMIME: readonly Case[] = [
  { what: 'signed in the clear', seal: (ssl) => crlf(ssl.run(cms(ssl, '-sign'), SAID)), open: verified },
  {
    what: 'signed in the clear, kept with lines that end in LF',
    seal: (ssl) => lf(ssl.run(cms(ssl, '-sign'), SAID)),
    open: verified,
  },
  {
    what: 'signed and opaque',
    seal: (ssl) => crlf(ssl.run(cms(ssl, '-sign', '-nodetach'), SAID)),
    open: verified,
  },
  {
    what: 'encrypted',
    seal: (ssl) => crlf(ssl.run(['cms', '-encrypt', '-aes256', ssl.path('cert.pem')], SAID)),
    open: (ssl, entity) =>
      lf(ssl.run(['cms', '-decrypt', '-recip', ssl.path('cert.pem'), '-inkey', ssl.path('key.pem')], entity)),
  },
];

function cms(ssl: Sealer, ...args: readonly string[]): string[] {
  return ['cms', ...args, '-signer', ssl.path('cert.pem'), '-inkey', ssl.path('key.pem')];
}

function verified(ssl: Sealer, entity: Buffer): Buffer {
  return lf(ssl.run(['cms', '-verify', '-CAfile', ssl.path('cert.pem')], entity));
}

const PGP: readonly Case[] = [
  {
    what: 'signed',
    seal: (gpg) => {
      const signature = gpg.run(['--armor', '--detach-sign'], SAID);
      const type = 'multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary=pgp';
      return multipart(type, [SAID, part('application/pgp-signature; name=signature.asc', signature)]);
    },
    open: (gpg, entity) => {
      const said = partOf(entity, 'pgp', 0);
      const signature = laid(gpg, 'signature.asc', bodyOf(partOf(entity, 'pgp', 1)));
      gpg.run(['--verify', signature, '-'], said);
      return said;
    },
  },
  {
    what: 'encrypted',
    seal: (gpg) => {
      const secret = gpg.run(['--armor', '--encrypt', '--trust-model', 'always', '-r', 'ada@example.org'], SAID);
      const type = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=pgp';
      return multipart(type, [
        part('application/pgp-encrypted', Buffer.from('Version: 1\r\n')),
        part('application/octet-stream; name=encrypted.asc', secret),
      ]);
    },
    open: (gpg, entity) => gpg.run(['--decrypt'], bodyOf(partOf(entity, 'pgp', 1))),
  },
  {
    what: 'signed inside the text',
    seal: (gpg) =>
      part('text/plain; charset=us-ascii', gpg.run(['--armor', '--clearsign'], Buffer.from('Ada said yes.\n'))),
    open: (gpg, entity) => gpg.run(['--decrypt'], bodyOf(entity)),
  },
];

for (const [kind, open, cases] of [
  ['S/MIME', openSmime, SMIME],
  ['PGP', openPgp, PGP],
] as const) {
  describe(`${kind} mail that another program sealed`, () => {
    let sealer: Sealer | null = null;
    const sealed = new Map<string, Buffer>();
    before(function () {
      sealer = open();
      if (!sealer) return this.skip();
      for (const { what, seal } of cases) sealed.set(what, seal(sealer));
    });
    after(() => sealer?.close());

    for (const { what, open: openSeal } of cases) {
      describe(what, () => {
        let entity: Buffer;
        let raw: Buffer;
        let said: Buffer;
        before(() => {
          entity = sealed.get(what) ?? Buffer.alloc(0);
          const head = Buffer.from(HEAD);
          raw = Buffer.concat([entity.includes('\r\n') ? head : lf(head), entity]);
          said = openSeal(sealer!, entity);
        });

        it('still opens when it is wrapped, every byte of it, and the footer stands behind it', async () => {
          for (const lines of ['keep', 'crlf'] as const) {
            const { message, outcome } = inject(raw, { signed: 'wrap', lines });

            expect(outcome).to.equal('wrapped');
            const inner = innerOf(message);
            if (lines === 'keep') expect(inner.equals(withoutVersion(entity))).to.equal(true);
            expect(openSeal(sealer!, inner).equals(said)).to.equal(true);
            const { text = '' } = await simpleParser(message, { skipTextToHtml: true });
            expect(text).to.contain(LINKS.unsubscribe).and.contain(LINKS.preferences);
          }
        });

        it('still opens when only headers are added to it', () => {
          const { message, outcome } = inject(raw, { signed: 'headers-only', lines: 'keep' });

          expect(outcome).to.equal('headers');
          expect(message.subarray(message.indexOf('From: ')).equals(raw)).to.equal(true);
          const own = message.subarray(message.indexOf(entity));
          expect(openSeal(sealer!, own).equals(said)).to.equal(true);
          expect(message.toString('latin1')).to.match(/^List-Unsubscribe: <https:/);
        });

        it('does not leave where that is the policy', () => {
          expect(() => inject(raw, { signed: 'refuse' })).to.throw(Refusal, 'it is signed or encrypted');
        });

        it('would not open if a byte of it had changed', () => {
          const broken = Buffer.from(innerOf(inject(raw, { signed: 'wrap', lines: 'keep' }).message));
          const at = broken.includes('Ada said')
            ? broken.indexOf('Ada said')
            : (startOfBody(broken) + broken.length) >> 1;
          broken[at] = broken[at] === 0x41 ? 0x42 : 0x41;

          const opened = openedOrNull(() => openSeal(sealer!, broken));

          expect(opened?.equals(said)).not.to.equal(true);
        });
      });
    }
  });
}

function openedOrNull(open: () => Buffer): Buffer | null {
  try {
    return open();
  } catch {
    return null;
  }
}

function inject(raw: Buffer, policy: EnginePolicy): Injection {
  return injectFooter(prepareMessage(raw, policy), { footer: FOOTER, headers: HEADERS, boundary: BOUNDARY });
}

/** The version of MIME belongs to the message, and stays there. */
function withoutVersion(entity: Buffer): Buffer {
  return Buffer.from(entity.toString('latin1').replace(/^MIME-Version:[^\n]*\n/i, ''), 'latin1');
}

function multipart(type: string, parts: readonly Buffer[]): Buffer {
  const pieces = parts.flatMap((one) => [Buffer.from('\r\n--pgp\r\n'), one]);
  return Buffer.concat([
    Buffer.from(`MIME-Version: 1.0\r\nContent-Type: ${type}\r\n`),
    ...pieces,
    Buffer.from('\r\n--pgp--\r\n'),
  ]);
}

function part(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`Content-Type: ${type}\r\n\r\n`), crlf(body)]);
}

function bodyOf(entity: Buffer): Buffer {
  return entity.subarray(startOfBody(entity));
}

function startOfBody(entity: Buffer): number {
  const [gap = ''] = /\r?\n\r?\n/.exec(entity.toString('latin1')) ?? [];
  return entity.indexOf(gap) + gap.length;
}

function crlf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1');
}

function lf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
}

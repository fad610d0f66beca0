import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Config } from '../../server/config.js';
import { LIMITS } from '../../server/gateway/limits.js';
import { startGateway } from '../../server/gateway/listen.js';
import { sendRecord } from '../../server/staff/access-log.js';
import {
  addReaders,
  itWith,
  letter,
  mailer,
  makeCertificate,
  startGatewayTest,
  type GatewayTest,
  type Login,
} from '../support/gateway.js';
import { eventually } from '../support/service.js';
import { describeWithOpenssl } from '../support/stamping.js';

const run = promisify(execFile);
const ADA = 'ada@readers.example';
const FROM = 'crm@bookshop.example';

function tlsOf({ cert, key }: { cert: string; key: string }): Config['gatewayTls'] {
  return { certFile: cert, keyFile: key, port: 0 };
}

/** The fingerprint of the certificate that stands behind a port. */
async function shownBy(port: number, protocol?: string): Promise<string> {
  const words = ['s_client', '-connect', `127.0.0.1:${port}`, ...(protocol ? ['-starttls', protocol] : [])];
  const { stdout } = await run('sh', ['-c', `openssl ${words.join(' ')} </dev/null`]);
  return new X509Certificate(/-----BEGIN CERTIFICATE-----[^]*-----END CERTIFICATE-----/.exec(stdout)?.[0] ?? '')
    .fingerprint256;
}

describeWithOpenssl('clients of the gateway, by TLS', () => {
  let test: GatewayTest;
  let login: Login;
  let certificate: Awaited<ReturnType<typeof makeCertificate>>;
  let dir: string;

  before(async () => {
    certificate = await makeCertificate();
    dir = await mkdtemp(join(tmpdir(), 'zgoda-clients-'));
    test = await startGatewayTest({
      ...{ GATEWAY_TLS_CERT: certificate.cert, GATEWAY_TLS_KEY: certificate.key, GATEWAY_TLS_PORT: '0' },
    });
    await addReaders(test.service.ctx, [ADA]);
    login = await test.login();
  });

  after(async () => {
    await test.stop();
    await certificate.drop();
    await rm(dir, { recursive: true, force: true });
  });

  /** Does it, and waits for one more mail to Ada with that subject. */
  const expectMail = async (subject: string, protocol: string, work: () => Promise<unknown>): Promise<void> => {
    await work();
    await eventually(async () => {
      const found = test.mailsTo(ADA).filter(({ raw }) => raw.includes(`Subject: ${subject}\r\n`));
      expect(found, subject).to.have.length(1);
      expect(found[0]?.raw.toString()).to.match(/\/u\/[\w-]{40,}/);
      expect(found[0]?.raw.toString()).to.contain(`with ${protocol} id`);
      return Promise.resolve();
    });
  };

  it('are taken from nodemailer, after STARTTLS and with TLS at once', async () => {
    const ways = {
      plain: { port: test.port, requireTLS: true, ignoreTLS: false },
      tls: { port: test.tlsPort, secure: true },
    };
    for (const [name, way] of Object.entries(ways)) {
      const client = mailer(test.port, login, { ...way, tls: { rejectUnauthorized: false } });
      const mail = {
        from: 'letters@bookshop.example',
        to: ADA,
        bcc: 'boris@readers.example',
        text: 'Hello',
        html: '<p>Hello</p>',
      };

      await expectMail(`nodemailer ${name}`, 'ESMTPSA', async () => {
        const sent = await client.sendMail({ ...mail, subject: `nodemailer ${name}` });
        expect(sent.rejected).to.deep.equal(['boris@readers.example']);
      });
      client.close();
    }
  });

  itWith('python3', "are taken from Python's smtplib, in UTF-8 too", async () => {
    const program = join(dir, 'send.py');
    await writeFile(
      program,
      `import smtplib, ssl, sys
from email.message import EmailMessage
port, user, password, to = sys.argv[1:]
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "letters@bookshop.example", to, "smtplib"
mail.set_content("Zażółć gęślą jaźń.\\n.leading dot\\n")
mail.add_alternative("<html><body><p>Zażółć</p></body></html>", subtype="html")
context = ssl._create_unverified_context()
with smtplib.SMTP("127.0.0.1", int(port)) as client:
    client.starttls(context=context)
    client.login(user, password)
    refused = client.send_message(mail, from_addr="${FROM}", to_addrs=[to, "nobody@readers.example"])
    print(sorted(refused), client.has_extn("smtputf8"))
`,
    );

    await expectMail('smtplib', 'ESMTPSA', async () => {
      const { stdout } = await run('python3', [program, String(test.port), login.user, login.pass, ADA]);
      expect(stdout.trim()).to.equal(`['nobody@readers.example'] True`);
    });
    const parsed = await test.sink.parsed(test.mailsTo(ADA).find(({ raw }) => raw.includes('Subject: smtplib\r\n')));
    expect(parsed.text).to.contain('Zażółć gęślą jaźń.\n.leading dot');
  });

  itWith('curl', 'are taken from curl', async () => {
    const file = join(dir, 'curl.eml');
    await writeFile(file, letter().replace('New books', 'curl'));

    await expectMail('curl', 'ESMTPSA', async () =>
      run('curl', [
        ...[
          '-sS',
          '--insecure',
          '--url',
          `smtps://127.0.0.1:${test.tlsPort ?? 0}`,
          '--mail-from',
          FROM,
          '--mail-rcpt',
          ADA,
        ],
        ...['--user', `${login.user}:${login.pass}`, '--upload-file', file],
      ]),
    );
  });

  itWith('swaks', 'are taken from swaks, by PLAIN and by LOGIN', async () => {
    for (const method of ['PLAIN', 'LOGIN'])
      await expectMail(`swaks ${method}`, 'ESMTPSA', async () =>
        run('swaks', [
          ...['--server', `127.0.0.1:${test.port}`, '--tls', '--auth', method, '--auth-user', login.user],
          ...['--auth-password', login.pass, '--from', FROM, '--to', ADA, '--h-From', 'letters@bookshop.example'],
          ...['--header', `Subject: swaks ${method}`, '--body', 'Hello'],
        ]),
      );
  });

  it('speak TLS 1.2 or newer', async () => {
    const old = new Promise((resolve, reject) => {
      const socket = connectTls({
        ...{ host: '127.0.0.1', port: test.tlsPort ?? 0, rejectUnauthorized: false },
        ...{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      });
      socket.on('secureConnect', resolve);
      socket.on('error', reject);
    });

    expect(
      await old.then(
        () => 'connected',
        () => 'refused',
      ),
    ).to.equal('refused');
  });

  it('see a renewed certificate without a restart, once both of its files are there', async () => {
    const [renewed, mine] = [await makeCertificate(), await makeCertificate()];
    const gateway = await startGateway(
      { ...test.service.ctx, config: { ...test.service.ctx.config, gatewayTls: tlsOf(mine) } },
      sendRecord,
      { ...LIMITS, certificateMs: 20 },
    );
    const after = async (ms: number): Promise<string[]> => {
      await setTimeout(ms);
      return [await shownBy(gateway.tlsPort ?? 0), await shownBy(gateway.port, 'smtp')];
    };
    const before = await after(0);

    await copyFile(renewed.cert, mine.cert);
    const half = await after(100);
    await copyFile(renewed.key, mine.key);
    await eventually(async () => expect(await after(0)).not.to.deep.equal(before));

    const wanted = new X509Certificate(await readFile(renewed.cert)).fingerprint256;
    expect(half).to.deep.equal(before);
    expect(await after(0)).to.deep.equal([wanted, wanted]);
    await gateway.stop();
    await Promise.all([renewed.drop(), mine.drop()]);
  });

  it('must send their commands after the handshake, not with STARTTLS', async () => {
    const { stdout } = await run('python3', [
      '-c',
      `import socket, ssl
s = socket.create_connection(("127.0.0.1", ${test.port}))
f = s.makefile("rb")
f.readline()
s.sendall(b"EHLO a.example\\r\\n")
while f.readline()[3:4] == b"-": pass
s.sendall(b"STARTTLS\\r\\nEHLO injected.example\\r\\nMAIL FROM:<x@bookshop.example>\\r\\n")
print(f.readline().decode().strip())
c = ssl._create_unverified_context()
t = c.wrap_socket(s)
t.sendall(b"NOOP\\r\\n")
print(t.recv(4096).decode().strip())
`,
    ]).catch((error: unknown) => error as { stdout: string });

    expect(stdout)
      .to.match(/^220 /)
      .and.not.to.match(/503|530|injected/);
  });
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { expect } from 'chai';
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

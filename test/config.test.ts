import { join, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { readConfig, ROOT, SETTING_NAMES, type Config } from '../server/config.js';
import { Refusal } from '../server/errors.js';

const PRODUCTION = {
  NODE_ENV: 'production',
  SMTP_URL: 'smtps://user:secret@smtp.example.org',
  PUBLIC_URL: 'https://news.example.org',
  DATABASE_URL: 'postgres://zgoda@db.example.org/zgoda',
  KEYS_FILE: '/etc/zgoda/keys.json',
};

describe('the settings', () => {
  it('have defaults to try the service out with', () => {
    expect(readConfig({})).to.deep.equal({
      production: false,
      port: 3000,
      host: '127.0.0.1',
      publicUrl: 'http://localhost:3000',
      databaseUrl: null,
      smtpUrl: null,
      sending: { retryHours: 72, perDomain: { usual: null, named: new Map() } },
      dataDir: resolve('data'),
      keysFile: resolve('data-keys.json'),
      gatewayPort: 2525,
      gatewayTls: null,
      inboundPort: 2526,
      dnsServer: null,
      roles: ['web', 'worker', 'gateway'],
      logLevel: 'info',
      logMode: 'public',
      trustProxy: false,
      metricsToken: null,
      sendWindow: 100,
      witnessPolicy: null,
      anchors: [],
      anchorTrust: null,
      anchorHours: 24,
      webhooks: { sesTopics: [], postmarkLogin: null, mailgunKey: null, sendgridKey: null },
      abuseLimits: true,
    } satisfies Config);
  });

  it('take empty ones for missing ones', () => {
    expect(readConfig(Object.fromEntries(SETTING_NAMES.map((name) => [name, ''])))).to.deep.equal(readConfig({}));
  });

  it('name a resolver by its address and port, never by a name', () => {
    expect(readConfig({ DNS_SERVER: '192.0.2.1:53' }).dnsServer).to.equal('192.0.2.1:53');
    expect(readConfig({ DNS_SERVER: '[2001:db8::1]:5353' }).dnsServer).to.equal('[2001:db8::1]:5353');
    for (const wrong of ['192.0.2.1', '2001:db8::1:53', '192.0.2.1:0', '192.0.2.1:70000', '192.0.2.300:53', '1.1:53'])
      expect(mistakesOf({ DNS_SERVER: wrong }), wrong).to.have.length(1);
  });

  it('put the keys beside the data folder, never into it', () => {
    expect(readConfig({ DATA_DIR: '/srv/zgoda/' }).keysFile).to.equal('/srv/zgoda-keys.json');
  });

  it('listen to everybody only in production', () => {
    expect(readConfig(PRODUCTION).host).to.equal('0.0.0.0');
    expect(readConfig({ ...PRODUCTION, HOST: '127.0.0.1' }).host).to.equal('127.0.0.1');
  });

  it('name several mail servers, and limits for recipient domains', () => {
    const { smtpUrl, sending } = readConfig({
      SMTP_URL: ' smtp://a.example:25   smtps://b.example ',
      SEND_PER_DOMAIN: '20, Gmail.com=5,slow.example=0.5',
      RETRY_HOURS: '24',
    });

    expect(smtpUrl).to.equal('smtp://a.example:25 smtps://b.example');
    expect(sending.retryHours).to.equal(24);
    expect(sending.perDomain.usual).to.equal(20);
    expect([...sending.perDomain.named]).to.deep.equal([
      ['gmail.com', 5],
      ['slow.example', 0.5],
    ]);
    for (const [name, value] of [
      ['SMTP_URL', 'smtp://a.example ftp://b.example'],
      ['SEND_PER_DOMAIN', '0'],
      ['SEND_PER_DOMAIN', '5,6'],
      ['SEND_PER_DOMAIN', 'gmail=5'],
      ['SEND_PER_DOMAIN', '-1'],
      ['RETRY_HOURS', '0'],
    ] as const)
      expect(mistakesOf({ [name]: value }), `${name}=${value}`).to.have.length(1);
  });

  it('are all checked at once', () => {
    const mistakes = mistakesOf({
      PORT: '70000',
      PUBLIC_URL: 'ftp://x',
      DATABASE_URL: 'mysql://x',
      SMTP_URL: 'localhost:25',
      GATEWAY_PORT: 'many',
      INBOUND_PORT: '-1',
      DNS_SERVER: 'dns.example:53',
      ROLE: 'web,cook',
      LOG_LEVEL: 'loud',
      LOG_MODE: 'secret',
      TRUST_PROXY: 'all',
      METRICS_TOKEN: 'short',
      SEND_WINDOW: '0',
      WITNESS_POLICY: '/nowhere/policy',
      ANCHORS: 'ftp://tsa.example.org',
      ANCHOR_TRUST: '/nowhere/roots.pem',
      ANCHOR_HOURS: '0',
      ABUSE_LIMITS: 'maybe',
    });

    expect(mistakes.map((line) => line.split(' ')[0])).to.deep.equal([
      'PORT',
      'PUBLIC_URL',
      'DATABASE_URL',
      'SMTP_URL',
      'GATEWAY_PORT',
      'INBOUND_PORT',
      'DNS_SERVER',
      'ROLE',
      'LOG_LEVEL',
      'LOG_MODE',
      'TRUST_PROXY',
      'METRICS_TOKEN',
      'SEND_WINDOW',
      'WITNESS_POLICY',
      'ANCHORS',
      'ANCHOR_TRUST',
      'ANCHOR_HOURS',
      'ABUSE_LIMITS',
    ]);
  });

  it('are checked against each other even where one of them is wrong by itself', () => {
    const mistakes = mistakesOf({ NODE_ENV: 'production', PORT: 'x', ABUSE_LIMITS: 'off', ROLE: 'web' });

    for (const name of ['PORT', 'SMTP_URL', 'PUBLIC_URL', 'DATABASE_URL', 'KEYS_FILE', 'ABUSE_LIMITS=off', 'ROLE'])
      expect(
        mistakes.filter((line) => line.startsWith(name)),
        name,
      ).to.have.length(1);
  });

  it('never show what was set: it may be a password', () => {
    const secrets = {
      METRICS_TOKEN: 'hunter2',
      SMTP_URL: 'hunter2',
      DATABASE_URL: 'hunter2',
      PORT: 'hunter2',
      ROLE: 'hunter2',
    };

    expect(mistakesOf(secrets).join()).not.to.include('hunter2');
  });
});

describe('in production the settings', () => {
  it('are complete or named', () => {
    expect(readConfig(PRODUCTION).production).to.be.true;
    for (const name of ['SMTP_URL', 'PUBLIC_URL', 'DATABASE_URL', 'KEYS_FILE'])
      expect(mistakesOf({ ...PRODUCTION, [name]: undefined })).to.deep.equal([
        `${name} is missing: production needs it`,
      ]);
    expect(mistakesOf({ NODE_ENV: 'production' })).to.have.length(4);
  });

  it('never switch the limits against abuse off', () => {
    expect(mistakesOf({ ...PRODUCTION, ABUSE_LIMITS: 'off' })).to.deep.equal([
      'ABUSE_LIMITS=off is refused in production',
    ]);
    expect(readConfig({ ABUSE_LIMITS: 'off' }).abuseLimits).to.be.false;
  });
});

describe('TRUST_PROXY', () => {
  it('is a number of proxies or a list of address ranges', () => {
    for (const [text, value] of [
      ['0', false],
      ['false', false],
      ['1', 1],
      ['loopback', ['loopback']],
      ['loopback, uniquelocal', ['loopback', 'uniquelocal']],
      ['10.0.0.0/8,192.168.1.7', ['10.0.0.0/8', '192.168.1.7']],
      ['2001:db8::/32', ['2001:db8::/32']],
    ] as const)
      expect(readConfig({ TRUST_PROXY: text }).trustProxy, text).to.deep.equal(value);
  });

  it('is never everybody, however it is spelled', () => {
    for (const text of [
      'all',
      'true',
      '*',
      '0.0.0.0/0',
      '::/0',
      '0.0.0.0/00',
      '0.0.0.0/1,128.0.0.0/1',
      '::/1',
      '2000::/3',
      '::ffff:0:0/96',
    ])
      expect(mistakesOf({ TRUST_PROXY: text }), text).to.have.length(1);
  });

  it('is refused when it is no address', () => {
    for (const text of [
      '10.0.0',
      '10.0.0.1/33',
      '::1/129',
      ':::',
      '1.2.3.4.5',
      '10.0.0.0/',
      '-1',
      '1,',
      'proxy.example.org',
    ])
      expect(mistakesOf({ TRUST_PROXY: text }), text).to.have.length(1);
  });
});

describe('ROLE', () => {
  it('is a list without repetition', () => {
    expect(readConfig({ ...PRODUCTION, ROLE: 'worker, web,worker' }).roles).to.deep.equal(['worker', 'web']);
  });

  it('splits the service only with a database of its own', () => {
    for (const ROLE of ['web', 'worker,gateway', 'web,web,worker']) {
      expect(mistakesOf({ ROLE })[0], ROLE).to.match(/^ROLE .* DATABASE_URL/);
      expect(readConfig({ ROLE, DATABASE_URL: 'postgres://db/zgoda' }).roles).not.to.include('nothing');
    }
    expect(readConfig({ ROLE: 'gateway,worker,web' }).roles).to.have.length(3);
  });
});

describe('PUBLIC_URL', () => {
  it('loses its slash at the end', () => {
    expect(readConfig({ PUBLIC_URL: 'https://news.example.org//' }).publicUrl).to.equal('https://news.example.org');
  });

  it('is refused with anything that a link could not follow', () => {
    for (const text of [
      'https://news.example.org/?a=1',
      'https://news.example.org/#a',
      'https://ada:secret@news.example.org',
    ])
      expect(mistakesOf({ PUBLIC_URL: text }), text).to.have.length(1);
  });
});

describe('the root', () => {
  it('is the folder of package.json, also for compiled files', () => {
    expect(existsSync(join(ROOT, 'package.json'))).to.be.true;
    expect(ROOT).not.to.include('dist');
  });
});

function mistakesOf(environment: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.code).to.equal('config-invalid');
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.replace(/^ {2}- /, ''));
  }
  throw new Error('nothing was refused');
}

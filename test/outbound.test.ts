import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { makeOutbound, OutboundError, type Lookup, type OutboundRequest } from '../server/outbound.js';
import { isAllowed } from '../server/public-address.js';
import { describeWithOpenssl, makeAuthority, type Authority } from './support/stamping.js';

const open: Server[] = [];

describe('a request that leaves this machine', () => {
  const outbound = makeOutbound({ production: false });
  after(() => open.forEach((server) => server.close().closeAllConnections()));

  it('brings back status, type and body', async () => {
    const port = await serve((req, res) => {
      res.writeHead(201, { 'Content-Type': 'Text/Plain; charset=utf-8' });
      req.on('data', (chunk) => res.write(`${req.method} ${req.url} ${String(chunk)}`)).on('end', () => res.end());
    });

    const answer = await outbound(requestTo(`http://127.0.0.1:${port}/a?b=1`, { body: 'hello' }));

    expect(answer).to.deep.equal({ status: 201, type: 'text/plain', body: Buffer.from('POST /a?b=1 hello') });
  });

  it('can ask without a body', async () => {
    const port = await serve((req, res) => {
      const { 'content-type': type = 'none', 'content-length': length = 'none' } = req.headers;
      res.end(`${req.method} ${type} ${length}`);
    });

    const answer = await outbound({ method: 'GET', url: `http://127.0.0.1:${port}/`, maxBytes: 100, timeoutMs: 1000 });

    expect(answer.body.toString()).to.equal('GET none none');
  });

  it('goes to the address that was judged, however the name changes its mind', async () => {
    let asked = 0;
    const port = await serve((req, res) => void res.end(req.headers.host));
    const rebinding: Lookup = async () => Promise.resolve([asked++ === 0 ? '127.0.0.1' : '10.0.0.1']);

    const answer = await makeOutbound({ production: false, lookup: rebinding })(
      requestTo(`http://witness.example.org:${port}/`),
    );

    expect(answer.body.toString()).to.equal(`witness.example.org:${port}`);
    expect(asked).to.equal(1);
  });

  it('is refused when one of the addresses of a name is private', async () => {
    const lookup: Lookup = async () => Promise.resolve(['93.184.216.34', '10.0.0.1']);

    expect(await failure(makeOutbound({ production: true, lookup })(requestTo('https://x.example.org')))).to.equal(
      'address-refused',
    );
  });

  it('knows the names that have no address', async () => {
    const none: Lookup = async () => Promise.resolve([]);
    const unknown: Lookup = async () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));

    for (const lookup of [none, unknown])
      expect(await failure(makeOutbound({ production: true, lookup })(requestTo('https://x.example.org')))).to.equal(
        'name-unknown',
      );
  });

  for (const address of [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1'],
    ...['172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:0808:0808', '64:ff9b::808:808'],
    ...['fe80::1', 'fe80::1%eth0', 'fec0::1', 'fc00::1', 'fd12:3456::1', 'ff02::1', '100::1', '2001:db8::1'],
    ...['2001::1', '2002:a00:1::1', '3fff::1', 'x', ''],
  ]) {
    it(`is refused to ${address || 'nowhere'} in production`, () => {
      expect(isAllowed(address, true)).to.be.false;
    });
  }

  it('is allowed to public addresses', () => {
    for (const address of ['8.8.8.8', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a01:4f8::1'])
      expect(isAllowed(address, true), address).to.be.true;
  });

  it('is allowed to loopback outside production, and to nothing else that is private', () => {
    expect(['127.0.0.1', '::1'].map((address) => isAllowed(address, false))).to.deep.equal([true, true]);
    expect(
      ['10.0.0.1', '::ffff:127.0.0.1', '169.254.169.254', 'fd00::1'].map((address) => isAllowed(address, false)),
    ).to.deep.equal([false, false, false, false]);
  });

  it('sees through other spellings of an address', async () => {
    const strict = makeOutbound({ production: true });

    for (const host of ['127.1', '0x7f.1', '2130706433', '017700000001', '[::1]', '[::ffff:7f00:1]', '10.1', '0'])
      expect(await failure(strict(requestTo(`https://${host}/`))), host).to.equal('address-refused');
  });

  it('is https in production, has no password, and is no other protocol', async () => {
    const strict = makeOutbound({ production: true });

    expect(await failure(strict(requestTo('http://example.org')))).to.equal('url-refused');
    expect(await failure(strict(requestTo('https://me:secret@example.org')))).to.equal('url-refused');
    for (const url of ['ftp://example.org', 'file:///etc/passwd', 'nonsense'])
      expect(await failure(outbound(requestTo(url))), url).to.equal('url-refused');
  });

  it('follows no redirect', async () => {
    const port = await serve((_req, res) => void res.writeHead(302, { Location: 'http://127.0.0.1/' }).end());

    expect(await failure(outbound(requestTo(`http://127.0.0.1:${port}`)))).to.equal('redirected');
  });

  it('ends when the answer grows too large, announced or not', async () => {
    const announced = await serve(
      (_req, res) => void res.writeHead(200, { 'Content-Length': 5000 }).end('x'.repeat(5000)),
    );
    const endless = await serve((_req, res) => {
      const more = (): void => {
        if (!res.destroyed) res.write('x'.repeat(900), () => setImmediate(more));
      };
      more();
    });

    for (const port of [announced, endless])
      expect(await failure(outbound(requestTo(`http://127.0.0.1:${port}`, { maxBytes: 4999 })))).to.equal('too-large');
  });

  it('ends when the answer takes too long: before it begins, in the middle, and while the name is looked up', async () => {
    const silent = await serve(() => undefined);
    const dripping = await serve((_req, res) => {
      res.write('a');
    });
    const hanging: Lookup = async () => new Promise(() => undefined);

    for (const port of [silent, dripping])
      expect(await failure(outbound(requestTo(`http://127.0.0.1:${port}`, { timeoutMs: 100 })))).to.equal('too-slow');
    expect(
      await failure(
        makeOutbound({ production: true, lookup: hanging })(requestTo('https://x.example.org', { timeoutMs: 100 })),
      ),
    ).to.equal('too-slow');
  });

  it('ends in time also when memory is tidied up meanwhile, and at once when its caller stops', async () => {
    const silent = await serve(() => undefined);
    setFlagsFromString('--expose-gc');
    const tidy = runInNewContext('gc') as () => void;
    const caller = new AbortController();
    const { signal } = caller;

    const slow = failure(outbound(requestTo(`http://127.0.0.1:${silent}`, { timeoutMs: 300, signal })));
    for (const ms of [50, 100, 150]) setTimeout(tidy, ms);
    expect(await slow).to.equal('too-slow');
    const stopped = failure(outbound(requestTo(`http://127.0.0.1:${silent}`, { timeoutMs: 60_000, signal })));
    caller.abort();
    expect(await stopped).to.equal('too-slow');
  });

  it('says so when nobody listens, or when what answers is no HTTP', async () => {
    const gone = await serve((_req, res) => void res.end());
    const [last] = open.slice(-1);
    last?.close().closeAllConnections();
    const noise = createTcpServer((socket) => void socket.end('220 mail.example.org ESMTP\r\n')).listen(0, '127.0.0.1');
    await once(noise, 'listening');
    const { port } = noise.address() as AddressInfo;

    expect(await failure(outbound(requestTo(`http://127.0.0.1:${gone}`)))).to.equal('unreachable');
    expect(await failure(outbound(requestTo(`http://127.0.0.1:${port}`)))).to.equal('unreachable');
    noise.close();
  });

  it('uses no proxy of the environment', async () => {
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => process.env[name]);
    names.forEach((name) => (process.env[name] = name.endsWith('ENV_PROXY') ? '1' : 'http://127.0.0.1:9'));
    const port = await serve((_req, res) => void res.end('direct'));

    try {
      expect((await outbound(requestTo(`http://127.0.0.1:${port}`))).body.toString()).to.equal('direct');
    } finally {
      names.forEach((name, place) => {
        if (before[place] === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = before[place];
      });
    }
  });
});

describeWithOpenssl('a request by https', () => {
  it('trusts no certificate but those of the system', async () => {
    const authority: Authority = await makeAuthority();
    const server = createHttpsServer({ key: authority.tlsKey, cert: authority.tlsCert }, (_req, res) => void res.end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;

    expect(await failure(makeOutbound({ production: false })(requestTo(`https://localhost:${port}`)))).to.equal(
      'unreachable',
    );

    server.close().closeAllConnections();
    await authority.drop();
  });
});

function requestTo(url: string, more: Partial<OutboundRequest> = {}): OutboundRequest {
  return { url, type: 'text/plain', body: '', maxBytes: 10_000, timeoutMs: 5000, ...more };
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing went wrong',
    (error: unknown) => (error instanceof OutboundError ? error.code : String(error)),
  );
}

async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  open.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

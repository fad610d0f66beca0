import { generateKeyPairSync } from 'node:crypto';
import { addCredential } from '../../server/gateway/add-credential.js';
import { bareSlice, toFigure, type Figure, type Slice } from './figures.js';
import { newsletterHtml, takeTurns, waitFor, watched, type Bench } from './measures.js';
import type { Child } from './child.js';
import type { Rig, ServiceUnderTest } from './rig.js';

const BASELINE = 'nodemailer pool';
const CONNECTIONS = 8;
const LARGE_BYTES = 25 * 1024 * 1024;

/** Mails through the gateway, from the client's first byte to the sink: a mail for each reader, and a mail for many; and memory with large ones at a time. */
export async function measureGateway(bench: Bench, service: ServiceUnderTest): Promise<Figure[]> {
  const { rig, extent } = bench;
  const { userName: user, password } = await addCredential(rig.ctx, {
    ...{ lists: ['news'], by: { who: 'operator', isOwner: true } },
  });
  const [client, nodemailer] = [rig.child('gateway-client.js'), rig.child('nodemailer-pool.js')];
  const html = newsletterHtml();
  const text = html.replace(/<[^>]*>/g, '');
  const through = async (count: number, together: number): Promise<Slice> => {
    const order = { port: Number(rig.settings['GATEWAY_PORT']), user, password, mail: mailOf(html, text), from: 0 };
    await rig.sink.call('reset', { collect: false });
    return watched(service, async () => {
      const started = performance.now();
      await client.call('send', { ...order, connections: CONNECTIONS, count, together });
      await waitFor(async () => (await mailsAt(rig)) >= count);
      return bareSlice(count, performance.now() - started);
    });
  };
  const count = Math.min(extent.subscribers, Math.round(extent.sliceMs * 0.8));
  const many: Slice[] = [];
  const turns = await takeTurns(
    extent.rounds,
    async () => baseline(rig, nodemailer, { count, html, text }),
    async () => {
      many.push(await through(count, 50));
      return through(count, 1);
    },
  );
  const against = { name: BASELINE, slices: turns.base, target: 2 };
  const figures = [
    toFigure('gateway mails, one by one', turns.measured, against, 'a transaction for each reader'),
    toFigure('gateway mails, 50 together', many, against, 'a transaction for 50 readers'),
    ...(await measureLarge(rig, service, { client, user, password })),
  ];
  await Promise.all([client.stop(), nodemailer.stop()]);
  return figures;
}

async function baseline(
  rig: Rig,
  nodemailer: Child,
  { count, html, text }: { count: number; html: string; text: string },
): Promise<Slice> {
  await rig.sink.call('reset', { collect: false });
  const ms = (await nodemailer.call('send', {
    port: rig.sinkPort,
    count,
    privateKey: PRIVATE_KEY,
    html,
    text,
  })) as number;
  return bareSlice(count, ms);
}

const PRIVATE_KEY = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey;

/** Two large mails at a time, then eight: memory must not grow with their number. */
async function measureLarge(
  rig: Rig,
  service: ServiceUnderTest,
  { client, user, password }: { client: Child; user: string; password: string },
): Promise<Figure[]> {
  const order = { port: Number(rig.settings['GATEWAY_PORT']), user, password, mail: '', from: 0, together: 1 };
  const send = async (atATime: number): Promise<Slice> => {
    await rig.sink.call('reset', { collect: false });
    const count = atATime * 2;
    return watched(service, async () => {
      const started = performance.now();
      await client.call('send', { ...order, attachment: LARGE_BYTES, connections: atATime, count });
      await waitFor(async () => (await mailsAt(rig)) >= count);
      return bareSlice(count, performance.now() - started);
    });
  };
  const [two, eight] = [await send(2), await send(8)];
  const reached = eight.rssMb <= two.rssMb * 1.25;
  return [
    toFigure('large mails, 2 at a time', [two], null, '25 MB each'),
    { ...toFigure('large mails, 8 at a time', [eight], null), limit: { words: 'RSS as with 2', reached } },
  ];
}

async function mailsAt(rig: Rig): Promise<number> {
  return ((await rig.sink.call('counts')) as { mails: number }).mails;
}

/** As newsletter tools write it: text and HTML, quoted-printable not needed. About 10 kB. */
function mailOf(html: string, text: string): string {
  const part = (type: string, body: string): string =>
    `--bbbbbbbb\r\nContent-Type: text/${type}; charset=utf-8\r\n\r\n${body.replace(/\r?\n/g, '\r\n')}\r\n`;
  return `From: "Bookshop" <letters@bookshop.example>\r\nTo: readers@bookshop.example\r\nSubject: New books in May\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=bbbbbbbb\r\n\r\n${part('plain', text)}${part('html', html)}--bbbbbbbb--`;
}

import { execFile } from 'node:child_process';
import { createPrivateKey, randomUUID, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Outbound, OutboundRequest } from '../../server/outbound.js';
import { signedText, type SnsMessage } from '../../server/webhooks/sns.js';

const run = promisify(execFile);

/** Amazon SNS, as far as we ask it: its certificate, and whether a subscription is confirmed. */
export interface TestSns {
  readonly topic: string;
  readonly host: string;
  /** What we asked it. */
  readonly asked: OutboundRequest[];
  /** Answers what is asked of its host; everything else fails. */
  readonly outbound: Outbound;
  /** The body of a notification, signed. */
  notify(message: string, changes?: Partial<SnsMessage>, algorithm?: 'sha256' | 'sha1'): string;
  /** The body of a question whether we subscribe, signed. */
  askToConfirm(changes?: Partial<SnsMessage>): string;
}

const HOST = 'sns.eu-west-1.amazonaws.com';

/** Makes one with a certificate of its own, by openssl. `commonName`: whom the certificate is made out to. */
export async function makeSns(commonName = 'sns.amazonaws.com'): Promise<TestSns> {
  const { key, pem } = await certificate(commonName);
  const asked: OutboundRequest[] = [];
  const topic = 'arn:aws:sns:eu-west-1:123456789012:mail';
  const outbound: Outbound = async (request) => {
    asked.push(request);
    if (new URL(request.url).host !== HOST) throw new Error(`asked ${request.url}`);
    return Promise.resolve({ status: 200, type: 'text/plain', body: request.method === 'GET' ? pem : Buffer.alloc(0) });
  };
  const common = () => ({
    ...{ MessageId: randomUUID(), TopicArn: topic, Timestamp: new Date().toISOString(), SignatureVersion: '2' },
    SigningCertURL: `https://${HOST}/SimpleNotificationService-0123456789abcdef.pem`,
    Signature: '',
  });
  return {
    ...{ topic, host: HOST, asked, outbound },
    notify: (Message, changes = {}, algorithm = 'sha256') =>
      signed({ ...common(), Type: 'Notification', Message, ...changes } as SnsMessage, key, algorithm),
    askToConfirm: (changes = {}) =>
      signed(
        {
          ...{
            ...common(),
            Type: 'SubscriptionConfirmation',
            Message: 'You have chosen to subscribe',
            Token: 'token-1',
          },
          ...{ SubscribeURL: 'https://evil.example/confirm', ...changes },
        },
        key,
        'sha256',
      ),
  };
}

function signed(message: SnsMessage, key: KeyObject, algorithm: 'sha256' | 'sha1'): string {
  const Signature = sign(algorithm, Buffer.from(signedText(message)), key).toString('base64');
  return JSON.stringify({ ...message, Signature, UnsubscribeURL: 'https://evil.example/unsubscribe' });
}

async function certificate(commonName: string): Promise<{ key: KeyObject; pem: Buffer }> {
  const folder = await mkdtemp(join(tmpdir(), 'zgoda-sns-'));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-keyout', keyFile, '-out', certFile],
      ...['-subj', `/CN=${commonName}`],
    ]);
    return { key: createPrivateKey(await readFile(keyFile)), pem: await readFile(certFile) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

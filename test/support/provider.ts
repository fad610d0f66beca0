import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { createTransport } from 'nodemailer';
import { signDkim } from '../../server/mail/dkim.js';
import type { HeaderField } from '../../server/mail/headers.js';
import type { TestDns } from './dns.js';

/** Somebody's mailbox provider: it signs what they send, and its key stands in the DNS. */
export interface Provider {
  readonly domain: string;
  readonly selector: string;
  readonly key: KeyObject;
}

/** An answer before it is signed. Lines end with CRLF once it is. */
export interface Draft {
  readonly from: string;
  readonly to: string;
  readonly body: string;
  /** `text/plain; charset=utf-8` unless said otherwise. */
  readonly type?: string;
  readonly more?: readonly HeaderField[];
}

/** Opens a provider whose key record holds further tags, such as `t=y`. */
export function openProvider(dns: TestDns, domain: string, { bits = 2048, tags = '', selector = 's1' } = {}): Provider {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const p = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  dns.records.set(`${selector}._domainkey.${domain}`, [`v=DKIM1; k=rsa; ${tags}p=${p}`]);
  return { domain, selector, key: privateKey };
}

/** The mail as the provider hands it on. `names`: what it signs, if not all that it should. */
export async function sendsOut(
  provider: Provider,
  draft: Draft,
  now: Date,
  names?: readonly string[],
): Promise<Buffer> {
  const headers = headersOf(draft);
  const body = Buffer.from(bodyOf(draft));
  const { domain, selector, key } = provider;
  const mail = { headers, body, now, ...(names ? { headerNames: names } : {}) };
  const [signature] = await signDkim(mail, [{ domain, selector, key }]);
  return Buffer.concat([Buffer.from(`${signature ?? ''}\r\n`), unsigned(draft)]);
}

/** Signed by another signer than ours, as it can sign a part of the body too (l=). */
export async function signsPart(provider: Provider, draft: Draft, maxBodyLength: number | null): Promise<Buffer> {
  const mail = unsigned(draft);
  const how = {
    ...{ signingDomain: provider.domain, selector: provider.selector, algorithm: 'rsa-sha256' },
    ...{ canonicalization: 'relaxed/relaxed', signTime: new Date() },
    privateKey: provider.key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    ...(maxBodyLength === null ? {} : { maxBodyLength }),
  };
  const { signatures } = await dkimSign(mail, { ...how, signatureData: [how] });
  return Buffer.concat([Buffer.from(signatures), mail]);
}

/** The mail without a signature. */
export function unsigned(draft: Draft): Buffer {
  const head = headersOf(draft).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${head.join('')}\r\n${bodyOf(draft)}`);
}

// SMTP has whole lines only.
function bodyOf({ body }: Draft): string {
  return `${body.replace(/\r?\n/g, '\r\n').replace(/\r\n$/, '')}\r\n`;
}

function headersOf({ from, to, type = 'text/plain; charset=utf-8', more = [] }: Draft): HeaderField[] {
  return [
    ['From', from],
    ['To', to],
    ['Subject', 'Re: Please confirm'],
    ['Date', new Date().toUTCString().replace('GMT', '+0000')],
    ['Message-ID', '<answer@example.org>'],
    ['MIME-Version', '1.0'],
    ['Content-Type', type],
    ...more,
  ];
}

/** What our inbound port says to a mail. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

/** Hands a mail to the inbound port, to the byte, as the provider's server does. */
export async function handIn(
  { service }: { service: { readonly inboundPort: number | null } },
  raw: Buffer,
  { sender, to }: { sender: string; to: string | string[] },
): Promise<Said> {
  const transport = createTransport({ host: 'localhost', port: service.inboundPort ?? 0, ignoreTLS: true });
  try {
    const { response } = await transport.sendMail({ envelope: { from: sender, to }, raw });
    return { code: Number(response.slice(0, 3)), text: response };
  } catch (error) {
    const { responseCode, response } = error as { responseCode?: number; response?: string };
    if (responseCode === undefined) throw error;
    return { code: responseCode, text: response ?? '' };
  } finally {
    transport.close();
  }
}

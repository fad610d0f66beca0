import type { KeyObject } from 'node:crypto';
import { Refusal } from '../errors.js';
import { OutboundError, type Outbound } from '../outbound.js';
import { certificateUrl, snsKey, type SnsMessage } from './sns.js';

const MAX_BYTES = 16 * 1024;
const TIMEOUT_MS = 5_000;
const FRESH_MS = 3_600_000;
const MOST = 20;

/**
 * Keys of SNS by the address of their certificate, fetched from SNS itself by the guarded client and kept for an hour. Throws `not-allowed` for a certificate
 * that lies elsewhere or is none, and `not-now` when SNS does not answer: it tells again.
 */
export function makeSnsKeys(outbound: Outbound, now: () => Date): (message: SnsMessage) => Promise<KeyObject> {
  const kept = new Map<string, { at: number; key: Promise<KeyObject> }>();
  return async (message) => {
    const url = certificateUrl(message);
    if (url === null)
      throw new Refusal('not-allowed', 'The certificate does not lie with SNS in the region of the topic.');
    const known = kept.get(url);
    if (known && now().getTime() - known.at < FRESH_MS) return known.key;
    const key = fetchKey(outbound, url, now());
    if (kept.size >= MOST) kept.delete(kept.keys().next().value ?? '');
    kept.set(url, { at: now().getTime(), key });
    // What failed must not be remembered.
    key.catch(() => kept.delete(url));
    return key;
  };
}

async function fetchKey(outbound: Outbound, url: string, now: Date): Promise<KeyObject> {
  const pem = await fetchPem(outbound, url);
  try {
    return snsKey(pem, now);
  } catch (error) {
    throw new Refusal('not-allowed', 'What lies there is no certificate of SNS.', {}, { cause: error });
  }
}

async function fetchPem(outbound: Outbound, url: string): Promise<Buffer> {
  try {
    const { status, body } = await outbound({ method: 'GET', url, maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS });
    if (status === 200) return body;
    throw new Refusal('not-now', `SNS answers ${status} to the question for its certificate.`);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw new Refusal('not-now', 'The certificate of SNS cannot be fetched.', {}, { cause: error });
  }
}

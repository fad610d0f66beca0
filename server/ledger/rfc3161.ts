import { hash } from 'node:crypto';
import { Integer, OctetString, fromBER } from 'asn1js';
import { AlgorithmIdentifier, MessageImprint, TimeStampReq, TimeStampResp } from 'pkijs';
import { Malformed } from './malformed.js';
import { verifyTimeStamp, SHA256, type TimeStamp, type TrustedRoot } from './rfc3161-token.js';

/** How a time-stamp authority is asked, and answers. */
export const QUERY_TYPE = 'application/timestamp-query';
export const REPLY_TYPE = 'application/timestamp-reply';

/** What was asked, and whom an answer may lead to. */
export interface Asked {
  /** The text that is stamped. */
  readonly note: string;
  readonly nonce: Buffer;
  readonly roots: readonly TrustedRoot[];
  /** By our clock. */
  readonly now: Date;
}

/** How far an authority's clock may be from ours, in ms. */
const CLOCK_MS = 600_000;
const GRANTED = [0, 1];

/** A number of 64 bits from 8 random bytes, encoded as DER wants it: positive, and without a zero in front. */
export function nonceFrom(random: Buffer): Buffer {
  const nonce = Buffer.from(random.subarray(0, 8));
  nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40;
  return nonce;
}

/** DER of a TimeStampReq for SHA-256 of a text; it asks for the certificate. RFC 3161 2.4.1. */
export function timeStampQuery(note: string, nonce: Buffer): Buffer {
  const query = new TimeStampReq({
    version: 1,
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: SHA256 }),
      hashedMessage: new OctetString({ valueHex: new Uint8Array(hash('sha256', note, 'buffer')).buffer }),
    }),
    nonce: new Integer({ valueHex: new Uint8Array(nonce).buffer }),
    certReq: true,
  });
  return Buffer.from(query.toSchema().toBER());
}

/** The stamp in a TimeStampResp, verified. Throws Malformed, with the reason, unless it is exactly what was asked for. RFC 3161 2.4.2. */
export async function openTimeStampReply(reply: Buffer, { note, nonce, roots, now }: Asked): Promise<TimeStamp> {
  const token = tokenIn(reply);
  const stamp = await verifyTimeStamp(token, note, roots);
  if (!stamp.nonce?.equals(nonce)) throw new Malformed('time-stamp', 'it answers another question: the nonce differs');
  if (Math.abs(stamp.at.getTime() - now.getTime()) > CLOCK_MS) {
    throw new Malformed('time-stamp', "the authority's clock and ours differ by more than ten minutes");
  }
  return stamp;
}

// The bytes as they came: what is encoded anew may differ in what is signed.
function tokenIn(reply: Buffer): Buffer {
  const bytes = new Uint8Array(reply);
  let response: TimeStampResp;
  try {
    const { offset, result } = fromBER(bytes);
    if (offset !== bytes.length) throw new Error('trailing bytes');
    response = new TimeStampResp({ schema: result });
  } catch (error) {
    throw new Malformed('time-stamp', 'the answer is no time-stamp response', { cause: error });
  }
  if (!GRANTED.includes(response.status.status)) {
    throw new Malformed('time-stamp', `the authority refuses (status ${response.status.status})`);
  }
  const [, token] =
    (fromBER(bytes).result.valueBlock as { value?: { valueBeforeDecodeView: Uint8Array }[] }).value ?? [];
  if (!token) throw new Malformed('time-stamp', 'the answer holds no token');
  return Buffer.from(token.valueBeforeDecodeView);
}

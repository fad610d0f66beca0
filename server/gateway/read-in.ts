import { catalogue, linkAddress, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { domainsOf } from '../delivery/known-domains.js';
import { Refusal } from '../errors.js';
import { hostOf } from '../links/urls.js';
import { domainOf } from '../mail/address.js';
import { endOfHead, readSubmission, rewriteHead, type Submission } from '../mail/submission.js';
import type { Credential } from './credential.js';
import type { Spool } from './spool.js';

/** What is said to the sender. */
export interface Answer {
  readonly code: number;
  readonly text: string;
}

/** A mail whose bytes lie in the spool. */
export interface ReadMail {
  readonly submission: Submission;
  readonly organisation: OrganisationFacts;
}

export interface ToRead {
  readonly credential: Credential;
  /** As Received says it: ESMTPSA. */
  readonly protocol: string;
  readonly stream: AsyncIterable<Buffer>;
}

/** In bytes; larger ones are refused (552). Room for 25 MB of attachments in base64. */
export const MAX_BYTES = 40 * 1024 * 1024;
const MAX_HEAD = 128 * 1024;

const NUL: Answer = { code: 554, text: '5.6.0 it contains a NUL byte' };
const TOO_LARGE: Answer = { code: 552, text: `5.3.4 the message is larger than ${MAX_BYTES / 1024 / 1024} MB` };
const LONG_HEAD: Answer = { code: 554, text: `5.6.0 the header is larger than ${MAX_HEAD / 1024} kB` };

/**
 * Reads a mail into the spool, its header checked and rewritten: From must lie in the organisation's domains (T12). Says why not, once every byte was read: an
 * answer in the middle of a mail would be taken for one to the next command.
 */
export async function readIn(
  ctx: Context,
  { credential, protocol, stream }: ToRead,
  spool: Spool,
): Promise<ReadMail | Answer> {
  let head = Buffer.alloc(0);
  let read: ReadMail | Answer | null = null;
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.length;
    if (bytes > MAX_BYTES) read = TOO_LARGE;
    else if (piece.includes(0)) read = NUL;
    if (read && 'code' in read) continue;
    if (read) {
      await spool.write(piece);
      continue;
    }
    const from = Math.max(0, head.length - 3);
    head = Buffer.concat([head, piece]);
    const end = endOfHead(head, from);
    if (end) {
      read = await readHead(ctx, { credential, protocol }, spool, head.subarray(0, end.head));
      if (!('code' in read)) await spool.write(head.subarray(end.body));
    } else if (head.length > MAX_HEAD) read = LONG_HEAD;
  }
  return read ?? readHead(ctx, { credential, protocol }, spool, head);
}

async function readHead(
  ctx: Context,
  { credential, protocol }: Pick<ToRead, 'credential' | 'protocol'>,
  spool: Spool,
  head: Buffer,
): Promise<ReadMail | Answer> {
  if (head.length > MAX_HEAD) return LONG_HEAD;
  try {
    const submission = readSubmission(head);
    const organisation = await organisationOf(ctx, credential);
    const domains = await domainsOf(ctx, organisation);
    const domain = domainOf(submission.from);
    if (!domains.includes(domain))
      return { code: 550, text: `5.7.1 From must be at ${domains.join(' or ')}: we sign for no other domain` };
    const { sender } = submission;
    const rewritten = rewriteHead(head, {
      ...{ by: hostOf(linkAddress(ctx, organisation)).replace(/:\d+$/, ''), protocol, id: spool.id },
      ...{ now: ctx.now(), domain, dropsSignatures: !credential.isTransactional },
      dropsSender: sender === null || !domains.includes(domainOf(sender)),
    });
    await spool.write(Buffer.concat([rewritten, Buffer.from('\r\n')]));
    return { submission, organisation };
  } catch (error) {
    return answerTo(error);
  }
}

/** What is said to the sender of what we refuse. Throws everything else. */
export function answerTo(error: unknown): Answer {
  if (!(error instanceof Refusal)) throw error;
  const { why } = error.facts;
  if (error.code === 'message-refused')
    return { code: 554, text: `5.6.0 ${typeof why === 'string' ? why : error.message}` };
  if (error.code === 'not-now') return { code: 451, text: `4.3.0 ${error.message}` };
  throw error;
}

async function organisationOf(ctx: Context, { organisationId }: Credential): Promise<OrganisationFacts> {
  const organisation = (await catalogue(ctx)).organisations.find((one) => one.id === organisationId);
  if (!organisation?.isOurs) throw new Refusal('not-now', 'what the organisation says is not what was set up');
  return organisation;
}

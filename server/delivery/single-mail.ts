import { createHmac, randomBytes } from 'node:crypto';
import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { knownKey } from '../keys/keyring.js';
import type { ComposedMail } from '../mail/compose.js';
import { signDkim } from '../mail/dkim.js';
import { mailboxField, messageIdField } from '../mail/headers.js';
import { transactionalFields } from '../mail/list-headers.js';
import { compileSkeleton, fillSkeleton, formatMail, type FilledMail, type Skeleton } from '../mail/skeleton.js';
import { signApart } from './sign-apart.js';
import { signersOf } from './signing.js';

/** A finished single mail. */
export interface SingleMail {
  readonly bytes: Buffer;
  readonly messageId: string;
  /** The first signature: by RSA. */
  readonly dkim: { readonly domain: string; readonly selector: string };
  /** The same mail, its headers and signatures too, with other values in its holes and another address for answers. */
  readonly refill: (values: Pick<MailToSign, 'holes' | 'replyTo'>) => Buffer;
}

/** What is put into MIME and signed. */
export interface MailToSign extends ComposedMail {
  readonly to: string;
  /** Left side of the Message-ID. */
  readonly messageId: string;
  /** Values of the holes in `text` and `html`. */
  readonly holes: Readonly<Record<string, string>>;
  /** Where answers go, if not to From. */
  readonly replyTo?: string;
}

/** Puts one composed mail into MIME and signs it: confirmations, notices, links. They carry no List-* headers (M-10, M-41). */
export async function makeSingleMail(
  ctx: Context,
  organisation: OrganisationFacts,
  mail: MailToSign,
): Promise<SingleMail> {
  const signers = await signersOf(ctx, organisation);
  const [{ domain, selector }] = signers;
  const skeleton = skeletonOf(organisation, mail);
  const now = ctx.now();
  const messageId = messageIdField(mail.messageId, domain);
  const fill = ({ holes, replyTo }: Pick<MailToSign, 'holes' | 'replyTo'>): FilledMail =>
    fillSkeleton(skeleton, {
      ...{ to: { address: mail.to }, messageId, date: now, holes },
      headers: replyTo === undefined ? [] : [mailboxField('Reply-To', { address: replyTo })],
    });
  const filled = fill(mail);
  const signatures = await signDkim({ ...filled, now }, signers, signApart);
  return {
    bytes: formatMail(filled, signatures),
    messageId: `<${mail.messageId}@${domain}>`,
    dkim: { domain, selector },
    refill: (values) => formatMail(fill(values), signatures),
  };
}

/** Mails of one list and minute say the same but for their holes: the last few are kept. */
const KEPT = 16;
const kept = new Map<string, Skeleton>();

function skeletonOf(organisation: OrganisationFacts, mail: ComposedMail): Skeleton {
  const from = { name: organisation.name, address: organisation.fromAddress };
  const key = JSON.stringify([from, mail.subject, mail.text, mail.html]);
  const known = kept.get(key);
  if (known) return known;
  const made = compileSkeleton({
    headers: transactionalFields({ from, subject: mail.subject }),
    text: mail.text,
    html: mail.html,
    boundary: `zgoda-${randomBytes(12).toString('hex')}`,
  });
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value ?? '');
  kept.set(key, made);
  return made;
}

/** Left side of a Message-ID: the same at every try, so that receivers can tell a duplicate; says nothing of message or person (O-02). */
export function stableMessageId(ctx: Context, messageId: string, subscriberId: string): string {
  return createHmac('sha256', knownKey(ctx.keyring, 'pepper', Math.min(...ctx.keyring.ids)))
    .update(`message-id\0${messageId}\0${subscriberId}`)
    .digest('hex')
    .slice(0, 40);
}

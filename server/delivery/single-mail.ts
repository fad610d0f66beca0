import { createHmac, randomBytes } from 'node:crypto';
import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { knownKey } from '../keys/keyring.js';
import type { ComposedMail } from '../mail/compose.js';
import { signDkim } from '../mail/dkim.js';
import { messageIdField } from '../mail/headers.js';
import { transactionalFields } from '../mail/list-headers.js';
import { compileSkeleton, fillSkeleton, formatMail } from '../mail/skeleton.js';
import { signerOf } from './signing.js';

/** A finished single mail. */
export interface SingleMail {
  readonly bytes: Buffer;
  readonly messageId: string;
  readonly dkim: { readonly domain: string; readonly selector: string };
}

/** Puts one composed mail into MIME and signs it: confirmations, notices, links. They carry no List-* headers (M-10, M-41). */
export async function makeSingleMail(
  ctx: Context,
  organisation: OrganisationFacts,
  mail: ComposedMail & { readonly to: string; readonly messageId: string },
): Promise<SingleMail> {
  const signer = await signerOf(ctx, organisation);
  const skeleton = compileSkeleton({
    headers: transactionalFields({
      from: { name: organisation.name, address: organisation.fromAddress },
      subject: mail.subject,
    }),
    text: mail.text,
    html: mail.html,
    boundary: `zgoda-${randomBytes(12).toString('hex')}`,
  });
  const now = ctx.now();
  const filled = fillSkeleton(skeleton, {
    to: { address: mail.to },
    messageId: messageIdField(mail.messageId, signer.domain),
    date: now,
    holes: {},
  });
  const signature = await signDkim({
    ...filled,
    domain: signer.domain,
    selector: signer.selector,
    key: signer.key,
    now,
  });
  return {
    bytes: formatMail(filled, [signature]),
    messageId: `<${mail.messageId}@${signer.domain}>`,
    dkim: { domain: signer.domain, selector: signer.selector },
  };
}

/** Left side of a Message-ID: the same at every try, so that receivers can tell a duplicate; says nothing of message or person (O-02). */
export function stableMessageId(ctx: Context, messageId: string, subscriberId: string): string {
  return createHmac('sha256', knownKey(ctx.keyring, 'pepper', Math.min(...ctx.keyring.ids)))
    .update(`message-id\0${messageId}\0${subscriberId}`)
    .digest('hex')
    .slice(0, 40);
}

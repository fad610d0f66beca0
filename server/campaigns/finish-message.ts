import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { signCopy } from '../delivery/sign-copy.js';
import { Refusal } from '../errors.js';
import { injectFooter } from '../mail/footer-engine.js';
import { datedWhy } from '../mail/footer.js';
import { dateField, mailboxField, type HeaderField } from '../mail/headers.js';
import type { ReadyMessage } from './message.js';

/** What one recipient's copy of a finished message says of them. */
export interface CopyFor {
  readonly address: string;
  readonly unsubscribeUrl: string;
  readonly preferencesUrl: string;
  /** In words. */
  readonly confirmedOn: string;
  readonly messageId: HeaderField;
  /** To unsubscribe by. */
  readonly headers: readonly HeaderField[];
}

/** A finished message with the footer of one recipient, unsigned. */
export function copyOf({ prepared, footer, headers, boundary }: ReadyMessage, now: Date, copy: CopyFor): Buffer {
  return injectFooter(prepared, {
    footer: {
      ...footer,
      ...datedWhy(footer, copy.confirmedOn),
      unsubscribeUrl: copy.unsubscribeUrl,
      preferencesUrl: copy.preferencesUrl,
    },
    headers: [
      mailboxField('To', { address: copy.address }),
      dateField(now),
      copy.messageId,
      ...copy.headers,
      ...headers,
    ],
    boundary,
  }).message;
}

/** The same, signed for the domain of its From. Throws `template-refused` when that is not the organisation's any more. */
export async function finishMessage(
  ctx: Context,
  organisation: OrganisationFacts,
  ready: ReadyMessage,
  copy: CopyFor,
): Promise<Buffer[]> {
  const signed = await signCopy(ctx, organisation, copyOf(ready, ctx.now(), copy));
  if (!signed) throw new Refusal('template-refused', "The domain in From is not the organisation's any more.");
  return signed;
}

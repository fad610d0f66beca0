import { randomBytes } from 'node:crypto';
import { replyDomainOf, textOf } from '../consent/catalogue.js';
import { bytesOf } from '../links/uuid.js';
import { askedAt, originOf } from '../consent/origin.js';
import type { Context } from '../context.js';
import { waitForLeaves } from '../ledger/integrate.js';
import { CONFIRM_DAYS, confirmUrl, notMeUrl, preferencesUrl, replyAddress } from '../links/urls.js';
import { composeMail, type MailTemplates } from '../mail/compose.js';
import { hole } from '../mail/hole.js';
import type { Claimed } from './claim.js';
import { composeConfirmation, mailBase, purgeAt, type ConfirmationDraft } from './compose-confirmation.js';
import type { Builder } from './built-mail.js';
import { appendOffers, type Draft } from './offer.js';
import { loadRequests, type Request } from './request.js';
import { makeSingleMail, stableMessageId } from './single-mail.js';

const DAY_MS = 86_400_000;
const LEAF_MS = 15_000;

/**
 * Builds confirmation mails. The secret of each link is minted here, in memory, and leaves only inside its mail: the log holds its hash first, and the mail
 * is handed over only once a persisted tree head covers that (T1). A retry mints a new one; every unexpired one confirms.
 */
export function confirmationBuilder(templates: MailTemplates): Builder {
  return async (ctx, deliveries) => {
    const requests = await loadRequests(ctx, deliveries);
    const drafts = await Promise.all(
      deliveries.map(async (delivery) => {
        const request = requests.get(delivery.messageId);
        return request ? draft(ctx, templates, delivery, request) : null;
      }),
    );
    const offered = await appendOffers(
      ctx,
      drafts.filter((one) => one !== null),
    );
    ctx.bell.ring('event');
    const events = [...offered.values()];
    if ((await waitForLeaves(ctx, events, LEAF_MS)).size < events.length)
      throw new Error('the log did not take the offers in time');
    return deliveries.map((delivery, place) => {
      const made = drafts[place];
      if (!made) return { delivery, cannot: 'erased' };
      if (!offered.has(made)) return { delivery, cannot: 'changed' };
      return { delivery, from: made.request.list.organisation.fromAddress, message: made.mail.bytes };
    });
  };
}

/** Builds "you are on this list" mails. */
export function alreadyBuilder(templates: MailTemplates): Builder {
  return async (ctx, deliveries) => {
    const requests = await loadRequests(ctx, deliveries);
    return Promise.all(
      deliveries.map(async (delivery) => {
        const request = requests.get(delivery.messageId);
        if (!request || !delivery.consent) return { delivery, cannot: 'erased' };
        const { chapter, list, signUp, maker } = request;
        const composed = composeMail(templates, 'already', chapter.language, {
          ...mailBase(ctx, list, chapter.language, maker),
          list: textOf(list, chapter.language).name,
          isTracking: list.kind === 'tracking',
          origin: originOf(signUp),
          requestedAt: askedAt(signUp, chapter.requested_at),
          settingsUrl: hole('settings_url'),
        });
        const holes = { settings_url: preferencesUrl(maker, delivery.consent.preferencesRef) };
        const messageId = stableMessageId(ctx, delivery.messageId, delivery.subscriberId);
        const mail = await makeSingleMail(ctx, list.organisation, {
          ...composed,
          to: delivery.address,
          messageId,
          holes,
        });
        return { delivery, from: list.organisation.fromAddress, message: mail.bytes };
      }),
    );
  };
}

async function draft(ctx: Context, templates: MailTemplates, delivery: Claimed, request: Request): Promise<Draft> {
  const { list, maker } = request;
  const expiresAt = new Date(ctx.now().getTime() + CONFIRM_DAYS * DAY_MS);
  const [ref, secret] = [randomBytes(16), randomBytes(16)];
  const domain = replyDomainOf(list);
  // A secret of its own: mail programs keep addresses in address books, and mail servers write them down, as neither does with links.
  const replySecret = domain ? randomBytes(16) : null;
  const answers = (one: Buffer): { replyTo?: string } => (domain ? { replyTo: replyAddress(maker, domain, one) } : {});
  const holes = { confirm_url: confirmUrl(maker, ref, secret, expiresAt), not_me_url: notMe(request) };
  const mail = await makeSingleMail(ctx, list.organisation, {
    ...composeConfirmation(ctx, templates, draftOf(request), expiresAt),
    to: delivery.address,
    messageId: stableMessageId(ctx, delivery.messageId, delivery.subscriberId),
    holes,
    ...(replySecret ? answers(replySecret) : {}),
  });
  // What is kept as evidence is the same mail with secrets that open nothing: with those from the mailbox it becomes the mail that left, to the byte.
  const nothing = Buffer.alloc(16);
  const blanked = mail.refill({
    holes: { ...holes, confirm_url: confirmUrl(maker, ref, nothing, expiresAt) },
    ...answers(nothing),
  });
  return { delivery, request, ref, secret, replySecret, expiresAt, mail, blanked };
}

function draftOf({ chapter, list, wording, signUp }: Request): ConfirmationDraft {
  return {
    organisation: list.organisation,
    listName: textOf(list, chapter.language).name,
    isTracking: list.kind === 'tracking',
    wording: wording.label,
    language: chapter.language,
    origin: originOf(signUp),
    askedAt: askedAt(signUp, chapter.requested_at),
    requestedAt: chapter.requested_at,
    byReply: replyDomainOf(list) !== null,
  };
}

function notMe({ chapter, maker }: Request): string {
  return notMeUrl(maker, bytesOf(chapter.chapter), purgeAt(chapter.requested_at));
}

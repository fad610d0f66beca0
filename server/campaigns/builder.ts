import { createHmac } from 'node:crypto';
import { linkAddress, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Claimed, ClaimedConsent } from '../delivery/claim.js';
import type { Builder, BuiltMail, Made } from '../delivery/built-mail.js';
import { signMail } from '../delivery/signing.js';
import { Refusal } from '../errors.js';
import { knownKey, type Keyring } from '../keys/keyring.js';
import { makeAddressToken } from '../links/token.js';
import { preferencesUrl, unsubscribeUrl } from '../links/urls.js';
import { messageIdField } from '../mail/headers.js';
import { unsubscribeFields } from '../mail/list-headers.js';
import { fillSkeleton, formatMail, type Skeleton } from '../mail/skeleton.js';
import { domainOf, footerLanguage, type Why } from './prepare.js';
import { footerDate } from './words.js';
import { releasedCampaigns, type Released } from './released.js';

/**
 * Builds campaign mails: per batch one small query, per mail two link signatures, a concatenation and the DKIM signatures.
 * A campaign that was not released with our keys, or is not being sent, is not built (T6).
 */
export const campaignBuilder: Builder = async (ctx, deliveries) => {
  const campaigns = await releasedCampaigns(ctx, ctx.db, [...new Set(deliveries.map((one) => one.messageId))]);
  return deliveries.map((delivery) => {
    const campaign = campaigns.get(delivery.messageId) ?? 'unknown';
    return typeof campaign === 'string' ? { delivery, cannot: campaign } : buildOne(ctx, campaign, delivery);
  });
};

/** One mail to one person: what a skeleton is filled with. */
export interface Recipient {
  readonly address: string;
  readonly unsubscribeRef: Buffer;
  readonly preferencesRef: Buffer;
  /** 10 bytes. */
  readonly mailtoRef: Buffer;
  readonly confirmedAt: Date;
}

/** Fills a skeleton for one recipient and signs it. `language` is the footer's. */
export async function finishMail(
  ctx: Context,
  organisation: OrganisationFacts,
  skeleton: Skeleton,
  of: { recipient: Recipient; language: string; messageId: string },
): Promise<Buffer> {
  const links = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, organisation) };
  const url = unsubscribeUrl(links, of.recipient.unsubscribeRef);
  const mail = fillSkeleton(skeleton, {
    to: { address: of.recipient.address },
    messageId: messageIdField(of.messageId, domainOf(organisation)),
    date: ctx.now(),
    holes: {
      unsubscribe_url: url,
      preferences_url: preferencesUrl(links, of.recipient.preferencesRef),
      confirmed_on: footerDate(of.language, of.recipient.confirmedAt, organisation.timeZone),
    },
    headers: unsubscribeFields(url, mailtoUrl(ctx.keyring, organisation, of.recipient.mailtoRef)),
  });
  return formatMail(mail, await signMail(ctx, organisation, mail));
}

function buildOne(
  ctx: Context,
  campaign: Released,
  delivery: Claimed,
): BuiltMail | { delivery: Claimed; cannot: string } {
  const { list } = campaign;
  const { consent } = delivery;
  if (consent?.purposeId !== list.id || !consent.confirmedAt) return { delivery, cannot: 'no-consent' };
  const recipient = { ...consent, address: delivery.address, confirmedAt: consent.confirmedAt };
  return { delivery, from: list.organisation.fromAddress, message: makeMail(ctx, campaign, delivery, recipient) };
}

async function makeMail(
  ctx: Context,
  campaign: Released,
  delivery: Claimed,
  recipient: Recipient & Pick<ClaimedConsent, 'basis'>,
): Promise<Made> {
  const { list } = campaign;
  const language = footerLanguage(list, delivery.language);
  try {
    const message = await finishMail(ctx, list.organisation, campaign.skeleton(language, whyOf(recipient)), {
      recipient,
      language,
      messageId: messageIdOf(ctx.keyring, delivery),
    });
    return { message };
  } catch (error) {
    // The footer cannot be placed any more (its texts have changed): no mail without a way out (promise 8).
    if (error instanceof Refusal) return { cannot: error.code };
    throw error;
  }
}

/** The same for every try, also after a crash, and tells nothing (promise 2). Under the oldest master, so that rotation keeps it. */
function messageIdOf(keyring: Keyring, delivery: Claimed): string {
  return createHmac('sha256', knownKey(keyring, 'seal', Math.min(...keyring.ids)))
    .update(`zgoda/message-id/v1\0${delivery.messageId}\0${delivery.subscriberId}`)
    .digest('hex')
    .slice(0, 40);
}

/** How the footer tells of a consent. */
export function whyOf(consent: Pick<ClaimedConsent, 'basis'>): Why {
  return consent.basis === 'confirmed' ? 'confirmed' : 'noted';
}

/** Where one unsubscribes by mail; undefined: the organisation takes no mail. `ref`: 10 bytes. */
export function mailtoUrl(keyring: Keyring, organisation: OrganisationFacts, ref: Buffer): string | undefined {
  if (!organisation.inboundDomain) return undefined;
  return `mailto:u+${makeAddressToken(keyring, 'x', ref)}@${organisation.inboundDomain}?subject=unsubscribe`;
}

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
import { domainOf } from '../mail/address.js';
import { messageIdField } from '../mail/headers.js';
import { unsubscribeFields } from '../mail/list-headers.js';
import { fillSkeleton, piecesOf } from '../mail/skeleton.js';
import { agreedToTracking } from './agreed.js';
import { fillPersonal } from './counted-links.js';
import { finishMessage } from './finish-message.js';
import { personalHeaders, personalHoles, type Personal } from './personal.js';
import { footerLanguage, type Why } from './prepare.js';
import type { ReadyMail } from './ready.js';
import { footerDate } from './words.js';
import { releasedCampaigns, type Released } from './released.js';

/**
 * Builds campaign mails: per batch one small query, per mail two link signatures, a concatenation and the DKIM signatures.
 * A campaign that was not released with our keys, or is not being sent, is not built (T6).
 */
export const campaignBuilder: Builder = async (ctx, deliveries) => {
  const campaigns = await releasedCampaigns(ctx, ctx.db, [...new Set(deliveries.map((one) => one.messageId))]);
  const agreed = await whoAgreed(ctx, campaigns, deliveries);
  return deliveries.map((delivery) => {
    const campaign = campaigns.get(delivery.messageId) ?? 'unknown';
    if (typeof campaign !== 'string') return buildOne(ctx, campaign, delivery, agreed.get(delivery) ?? null);
    // Stopped since the claim.
    return HELD.includes(campaign) ? { delivery, isHeld: true } : { delivery, cannot: campaign };
  });
};

const HELD = ['campaign-paused', 'campaign-cancelled'];

/** Of mails whose campaign asks for it: the consents to tracking of those who gave one. One small query more for such a batch, none for others. */
async function whoAgreed(
  ctx: Context,
  campaigns: ReadonlyMap<string, Released | string>,
  deliveries: readonly Claimed[],
): Promise<Map<Claimed, string>> {
  const asked = deliveries.filter(({ messageId }) => {
    const campaign = campaigns.get(messageId);
    return typeof campaign === 'object' && campaign.content.settings.tracking === 'agreed';
  });
  const found = new Map<Claimed, string>();
  for (const organisationId of new Set(asked.map((one) => one.organisationId))) {
    const mails = asked.filter((one) => one.organisationId === organisationId);
    const consents = await agreedToTracking(
      ctx,
      organisationId,
      mails.map((one) => one.subscriberId),
    );
    for (const mail of mails) {
      const consent = consents.get(mail.subscriberId);
      if (consent !== undefined) found.set(mail, consent);
    }
  }
  return found;
}

/** One mail to one person: what a skeleton is filled with. */
export interface Recipient extends Personal {
  readonly unsubscribeRef: Buffer;
  readonly preferencesRef: Buffer;
  /** 10 bytes. */
  readonly mailtoRef: Buffer;
  readonly confirmedAt: Date;
}

interface OfOne {
  readonly recipient: Recipient;
  /** The footer's. */
  readonly language: string;
  readonly messageId: string;
  readonly holes?: Readonly<Record<string, string>>;
}

/** Fills a skeleton for one recipient and signs it. */
export async function finishMail(
  ctx: Context,
  organisation: OrganisationFacts,
  ready: ReadyMail,
  of: OfOne,
): Promise<Buffer> {
  return Buffer.concat(await finishPieces(ctx, organisation, ready, of));
}

async function finishPieces(
  ctx: Context,
  organisation: OrganisationFacts,
  ready: ReadyMail,
  of: OfOne,
): Promise<Buffer[]> {
  const links = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, organisation) };
  const url = unsubscribeUrl(links, of.recipient.unsubscribeRef);
  const at = { language: of.language, now: ctx.now(), zone: organisation.timeZone };
  const copy = {
    messageId: messageIdField(of.messageId, domainOf(organisation.fromAddress)),
    headers: unsubscribeFields(url, mailtoUrl(ctx.keyring, organisation, of.recipient.mailtoRef)),
  };
  const confirmedOn = footerDate(of.language, of.recipient.confirmedAt, organisation.timeZone);
  const preferences = preferencesUrl(links, of.recipient.preferencesRef);
  if ('prepared' in ready) {
    const { address } = of.recipient;
    const personal = { ...copy, address, confirmedOn, unsubscribeUrl: url, preferencesUrl: preferences };
    return finishMessage(ctx, organisation, ready, personal);
  }
  const holes = {
    unsubscribe_url: url,
    preferences_url: preferences,
    confirmed_on: confirmedOn,
    ...personalHoles(ready, of.recipient, at),
    ...of.holes,
  };
  const { headers, ...body } = fillSkeleton(ready, {
    to: { address: of.recipient.address },
    date: at.now,
    holes,
    ...copy,
  });
  const mail = { ...body, headers: personalHeaders(ready, holes, headers) };
  return piecesOf(mail, await signMail(ctx, organisation, mail));
}

function buildOne(
  ctx: Context,
  campaign: Released,
  delivery: Claimed,
  agreedBy: string | null,
): BuiltMail | { delivery: Claimed; cannot: string } {
  const { list } = campaign;
  const { consent } = delivery;
  if (consent?.purposeId !== list.id || !consent.confirmedAt) return { delivery, cannot: 'no-consent' };
  const recipient = {
    ...{ ...consent, address: delivery.address, confirmedAt: consent.confirmedAt, agreedBy },
    // Decrypted only where a mail asks for them.
    get attributes() {
      return delivery.attributes;
    },
  };
  const { tryForHours, onUnknown } = campaign.content.settings.sending ?? {};
  return {
    ...{ delivery, from: list.organisation.fromAddress, tries: { tryForHours, onUnknown } },
    message: makeMail(ctx, campaign, delivery, recipient),
  };
}

async function makeMail(
  ctx: Context,
  campaign: Released,
  delivery: Claimed,
  recipient: Recipient & Pick<ClaimedConsent, 'basis'> & { readonly agreedBy: string | null },
): Promise<Made> {
  const { list } = campaign;
  const { agreedBy } = recipient;
  const language = footerLanguage(list, delivery.language);
  try {
    const ready = campaign.skeleton(language, whyOf(recipient), recipient, agreedBy !== null);
    const message = await finishPieces(ctx, list.organisation, ready, {
      recipient,
      language,
      messageId: messageIdOf(ctx.keyring, delivery),
      ...(agreedBy === null ? {} : { holes: linksFor(ctx, campaign, ready, agreedBy) }),
    });
    return { message };
  } catch (error) {
    // The footer cannot be placed any more (its texts have changed): no mail without a way out (promise 8).
    if (error instanceof Refusal) return { cannot: error.code };
    throw error;
  }
}

function linksFor(
  ctx: Context,
  { content, list }: Released,
  ready: ReadyMail,
  consentId: string,
): Record<string, string> {
  const names = new Set('slots' in ready ? ready.slots.map(({ name }) => name) : []);
  return fillPersonal(ctx, list, { campaignId: content.id, consentId }, names);
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

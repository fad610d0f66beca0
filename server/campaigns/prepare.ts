import { createHash } from 'node:crypto';
import { linkAddress, textOf, type ListFacts, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Footer } from '../mail/footer.js';
import { hole } from '../mail/hole.js';
import { injectHtml, injectText } from '../mail/inject.js';
import { webVersionUrl } from '../links/urls.js';
import { campaignFields } from '../mail/list-headers.js';
import { fillPlaceholders } from '../mail/placeholders.js';
import { compileSkeleton, type Skeleton } from '../mail/skeleton.js';
import type { CampaignSettings } from './settings.js';
import { footerDirection, footerLanguages, footerWords } from './words.js';

/** What a campaign says, before any footer. */
export interface CampaignContent {
  readonly id: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly settings: CampaignSettings;
}

/** Why somebody gets it: confirmed by double opt-in, or consent that was noted otherwise. */
export type Why = 'confirmed' | 'noted';

/** The two parts of a mail with its footer; what differs per recipient is a hole: `unsubscribe_url`, `preferences_url`, `confirmed_on`. */
export interface LaidOut {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

type Maker = Pick<Context, 'publicUrl' | 'keyring'>;

/** The language of the footer for a subscriber: their own, else the list's, else English. */
export function footerLanguage(list: ListFacts, language: string): string {
  const known = footerLanguages();
  return [language, list.defaultLanguage].find((code) => known.includes(code)) ?? 'en';
}

/**
 * A campaign with its footer in one language (copy.md 6). Throws `template-refused` unless both links can be seen: such a
 * mail must not leave (promise 8).
 */
export function layOut(ctx: Maker, list: ListFacts, content: CampaignContent, language: string, why: Why): LaidOut {
  const values = {
    unsubscribeUrl: hole('unsubscribe_url'),
    preferencesUrl: hole('preferences_url'),
    list: textOf(list, language).name,
    organisation: list.organisation.name,
    webVersionUrl: webVersionOf(ctx, list, content.id, language),
  };
  const footer = footerOf(ctx, list, language, why);
  return {
    subject: fillPlaceholders(content.subject, 'text', values),
    html: injectHtml(fillPlaceholders(content.html, 'html', values), footer).html,
    text: injectText(fillPlaceholders(content.text, 'text', values), footer).text,
  };
}

/** Where a campaign can be read as a page. */
export function webVersionOf(ctx: Maker, { organisation }: ListFacts, id: string, language: string): string {
  const maker = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, organisation) };
  return webVersionUrl(maker, Buffer.from(id.replaceAll('-', ''), 'hex'), language);
}

/** The mail of all recipients of one language, made ready once. Throws as `layOut`, and `body-invalid` for a header that cannot be. */
export function prepareMail(
  ctx: Maker,
  list: ListFacts,
  content: CampaignContent,
  language: string,
  why: Why,
): Skeleton {
  const { subject, html, text } = layOut(ctx, list, content, language, why);
  const { organisation } = list;
  const headers = campaignFields({
    from: { name: organisation.name, address: organisation.fromAddress },
    subject,
    listName: textOf(list, language).name,
    listId: `${list.slug}.${domainOf(organisation)}`,
    helpUrl: `${linkAddress(ctx, organisation)}/lists/${list.slug}`,
    feedbackId: [content.id, list.slug, 'campaign', senderId(organisation)],
  });
  return compileSkeleton({ headers, html, text, boundary: boundaryOf(content, language, why) });
}

/** The domain that signs an organisation's mail and stands in its Message-IDs. */
export function domainOf(organisation: OrganisationFacts): string {
  return organisation.fromAddress.slice(organisation.fromAddress.lastIndexOf('@') + 1);
}

/** What stands at the foot of a list's mails; what differs per recipient is a hole. */
export function footerOf(ctx: Maker, list: ListFacts, language: string, why: Why): Footer {
  const { organisation } = list;
  const say = (key: string, params = {}) => footerWords(language, key, params);
  const name = textOf(list, language).name;
  const date = hole('confirmed_on');
  return {
    why:
      why === 'confirmed'
        ? say('why', { list: name, date })
        : say('whyNoted', { organisation: organisation.name, date }),
    unsubscribeLabel: say('unsubscribe', { list: name }),
    settingsLabel: say('settings'),
    identity: say('identity', { legalName: organisation.legalName, postalAddress: organisation.postalAddress }),
    noticeLabel: say('notice'),
    noticeUrl: `${linkAddress(ctx, organisation)}/privacy/${organisation.slug}?lang=${language}`,
    language,
    dir: footerDirection(language),
    unsubscribeUrl: hole('unsubscribe_url'),
    preferencesUrl: hole('preferences_url'),
  };
}

/** The same for every try of a mail; 32 hex digits. */
function boundaryOf(content: CampaignContent, language: string, why: Why): string {
  return createHash('sha256').update(`boundary\0${content.id}\0${language}\0${why}`).digest('hex').slice(0, 32);
}

/** Feedback-ID wants 5 to 15 characters (M-08). */
export function senderId(organisation: OrganisationFacts): string {
  return organisation.slug.length < 5 ? `${organisation.slug}-mail` : organisation.slug.slice(0, 15);
}

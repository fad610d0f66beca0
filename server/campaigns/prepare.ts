import { createHash } from 'node:crypto';
import { linkAddress, textOf, type ListFacts, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { domainOf } from '../mail/address.js';
import { fillTemplate, misplacedIn, type PersonalHoles } from '../mail/fill-template.js';
import type { Footer } from '../mail/footer.js';
import { hasHole, hole } from '../mail/hole.js';
import { injectHtml, injectText } from '../mail/inject.js';
import { webVersionUrl } from '../links/urls.js';
import { campaignFields } from '../mail/list-headers.js';
import { compileSkeleton, type Skeleton } from '../mail/skeleton.js';
import { choose, fieldsAsked, readTemplate, type Piece } from '../mail/template.js';
import { changeLinks, changeTextLinks, type LinkChange } from './change-links.js';
import { contentIdOf } from './content.js';
import { hostPictures } from './host-pictures.js';
import { inlinedOf } from './placement.js';
import { PLACES, refuseTemplate } from './problem.js';
import type { CampaignSettings } from './settings.js';
import { footerDirection, footerLanguages, footerWords } from './words.js';

/** What a campaign says, before any footer. */
export interface CampaignContent {
  readonly id: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly settings: CampaignSettings;
  /** Somebody's finished message, which goes out as it is: its bytes, a character each. Then `html` and `text` only show what is in it. */
  readonly message?: string | null;
  /** They go along with each mail, or are fetched: `isHosted`. */
  readonly pictures?: readonly Picture[];
}

/** A picture of a campaign. */
export interface Picture {
  /** `image/png` */
  readonly type: string;
  /** In hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** Absent: it was not read. */
  readonly body?: Buffer;
}

/** Why somebody gets it: confirmed by double opt-in, or consent that was noted otherwise. */
export type Why = 'confirmed' | 'noted';

/** The two parts of a mail with its footer; what differs per recipient is a hole: `unsubscribe_url`, `preferences_url`, `confirmed_on`, and those of `personal`. */
export interface LaidOut {
  /** May have holes of `personal`. */
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly personal: PersonalHoles;
  readonly isDated: boolean;
}

/** A mail made ready once for all who get the same branches of its conditions. */
export interface CampaignSkeleton extends Skeleton {
  readonly subject: string;
  readonly personal: PersonalHoles;
  /** Does it say when it was sent? */
  readonly isDated: boolean;
}

/** Which mail it is. */
export interface Variant {
  readonly language: string;
  readonly why: Why;
  /** Fields of conditions in which there is a value; absent: all. */
  readonly present?: ReadonlySet<string>;
  /** Absent: links stay as they are. */
  readonly links?: LinkChange | null;
}

type Maker = Pick<Context, 'publicUrl' | 'keyring'>;

/** The language of the footer for a subscriber: their own, else the list's, else English. */
export function footerLanguage(list: ListFacts, language: string): string {
  const known = footerLanguages();
  return [language, list.defaultLanguage].find((code) => known.includes(code)) ?? 'en';
}

/**
 * A campaign with its footer in one language (copy.md 6). Throws `template-refused` unless both links can be seen: such a
 * mail must not leave (promise 8); and for a personal value in a URL (T11).
 */
export function layOut(ctx: Maker, list: ListFacts, content: CampaignContent, variant: Variant): LaidOut {
  const { language, why } = variant;
  const filled = fillContent(list, content, variant, webVersionOf(ctx, list, content.id, language));
  const footer = footerOf(ctx, list, language, why);
  const { links } = variant;
  return {
    ...filled,
    html: injectHtml(links ? changeLinks(filled.html, links) : filled.html, footer).html,
    text: injectText(links ? changeTextLinks(filled.text, links) : filled.text, footer).text,
  };
}

/** A campaign before its footer. Throws as `layOut` for a personal value in a URL. */
export function fillContent(
  list: ListFacts,
  content: CampaignContent,
  { language, present: given }: Variant,
  webVersion: string,
): LaidOut {
  const [subject, html, text] = [content.subject, content.html, content.text].map(readTemplate) as [
    Piece[],
    Piece[],
    Piece[],
  ];
  const problems = [...misplacedIn(html, 'html'), ...misplacedIn(text, 'text')];
  if (problems.length > 0) {
    throw refuseTemplate(problems.slice(0, 20).map(({ why: place }) => ({ line: null, ...PLACES[place] })));
  }
  const present = given ?? new Set(fieldsAsked([...subject, ...html, ...text]));
  const values = { ...commonValues(list, language), web_version_url: webVersion };
  const personal: PersonalHoles = new Map();
  const line = fillTemplate(choose(subject, present), 'text', { values: { ...values, subject: '' }, holes: personal });
  const filling = { values: { ...values, subject: line }, holes: personal };
  return {
    ...{ subject: line, personal, isDated: DATED.test(content.subject + content.html + content.text) },
    html: fillTemplate(choose(html, present), 'html', filling),
    text: fillTemplate(choose(text, present), 'text', filling),
  };
}

const DATED = /\b(?:date|year)\b/;

/** The fields that decide which variant of a campaign somebody gets. */
export function fieldsAskedBy(content: CampaignContent): string[] {
  return fieldsAsked([content.subject, content.html, content.text].flatMap(readTemplate));
}

/** What is the same for all recipients of one language; the address of the page for everybody comes with the campaign. */
export function commonValues(list: ListFacts, language: string): Record<string, string> {
  return {
    unsubscribe_url: hole('unsubscribe_url'),
    preferences_url: hole('preferences_url'),
    list: textOf(list, language).name,
    organisation: list.organisation.name,
    postal_address: list.organisation.postalAddress,
    language,
    date: hole('sent_on'),
    year: hole('sent_in'),
  };
}

/** Where a campaign can be read as a page. */
export function webVersionOf(ctx: Maker, { organisation }: ListFacts, id: string, language: string): string {
  const maker = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, organisation) };
  return webVersionUrl(maker, Buffer.from(id.replaceAll('-', ''), 'hex'), language);
}

/** The mail of all recipients of one variant, made ready once. Throws as `layOut`, and `body-invalid` for a header that cannot be. */
export function prepareMail(ctx: Maker, list: ListFacts, content: CampaignContent, variant: Variant): CampaignSkeleton {
  const { language } = variant;
  const { html: laid, text, ...rest } = layOut(ctx, list, content, variant);
  const html = hostPictures(ctx, list, content, laid);
  const { organisation } = list;
  const headers = campaignFields({
    from: { name: organisation.name, address: organisation.fromAddress },
    subject: hasHole(rest.subject) ? '' : rest.subject,
    listName: textOf(list, language).name,
    listId: `${list.slug}.${domainOf(organisation.fromAddress)}`,
    helpUrl: `${linkAddress(ctx, organisation)}/lists/${list.slug}`,
    feedbackId: [content.id, list.slug, 'campaign', senderId(organisation)],
  });
  const pictures = inlinedOf(content).flatMap(({ type, sha256, body }) =>
    body ? [{ type, contentId: contentIdOf({ sha256 }), body }] : [],
  );
  return { ...compileSkeleton({ headers, html, text, boundary: boundaryOf(content, variant), pictures }), ...rest };
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
function boundaryOf(content: CampaignContent, { language, why, present }: Variant): string {
  const name = `boundary\0${content.id}\0${language}\0${why}${present ? `\0${[...present].sort().join(' ')}` : ''}`;
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

/** Feedback-ID wants 5 to 15 characters (M-08). */
export function senderId(organisation: OrganisationFacts): string {
  return organisation.slug.length < 5 ? `${organisation.slug}-mail` : organisation.slug.slice(0, 15);
}

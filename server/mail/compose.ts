import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';
import type { Catalogs } from '../web/i18n.js';
import { directionOf, formatDate, formatDateTime, formatTime, translate, zoneName } from '../web/i18n.js';

/** What each mail needs. Dates are written in `zone`, which the mail names once. */
export interface Mails {
  /** The one mail before a confirmation: three links, no image (C-04). */
  confirmation: ConfirmationMail;
  /** To somebody who is on the list already and was entered again. */
  already: AlreadyMail;
  /** The link to all settings. */
  magic: MagicMail;
}

export interface MailBase {
  readonly zone: string;
  readonly organisation: { readonly name: string; readonly legalName: string; readonly postalAddress: string };
  readonly noticeUrl: string;
  /** Where all links of the mail lead, so that a reader can compare. */
  readonly linkHost: string;
}

/** How an address reached us: the form's host name, or staff who noted it. */
export type MailOrigin = { readonly kind: 'form'; readonly host: string } | { readonly kind: 'phone' | 'paper' };

export interface ConfirmationMail extends MailBase {
  readonly list: string;
  /** No list but what people agree to beside it: that openings and clicks are seen. */
  readonly isTracking: boolean;
  /** The exact texts next to the boxes that were ticked. */
  readonly wordings: readonly string[];
  readonly origin: MailOrigin;
  readonly requestedAt: Date;
  readonly confirmUrl: string;
  readonly expiresAt: Date;
  /** Does it ask for an answer with the word of `mail.confirmation.replyWord` as well? */
  readonly byReply: boolean;
  readonly notMeUrl: string;
  /** Until when an unconfirmed address is deleted. */
  readonly purgeAt: Date;
}

export interface AlreadyMail extends MailBase {
  readonly list: string;
  /** As in the mail to confirm. */
  readonly isTracking: boolean;
  readonly origin: MailOrigin;
  readonly requestedAt: Date;
  readonly settingsUrl: string;
}

export interface MagicMail extends MailBase {
  readonly requestedAt: Date;
  readonly magicUrl: string;
  readonly expiresAt: Date;
}

export type MailName = keyof Mails;

export interface ComposedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

interface MailTemplate {
  readonly subject: Template;
  readonly html: Template;
  readonly text: Template;
}

type Template = (data: unknown, options?: Handlebars.RuntimeOptions) => string;

export const MAIL_NAMES: readonly MailName[] = ['confirmation', 'already', 'magic'];

/** All mails, ready to be filled in. */
export type MailTemplates = Readonly<Record<MailName, MailTemplate>>;

/**
 * Where the build puts a mail's MJML as HTML. The placeholders are ordinary text to MJML and survive it: one compilation serves every language.
 */
export function compiledMail(root: string, name: MailName): string {
  return join(root, 'dist', 'mail', `${name}.html`);
}

/** Reads what the build made of templates/mail/*.mjml, and *.txt.hbs, once, at start. Throws when one of them is missing or wrong. */
export function readMailTemplates(root: string, catalogs: Catalogs): MailTemplates {
  const engine = Handlebars.create();
  engine.registerHelper(mailHelpers(catalogs));
  return Object.fromEntries(MAIL_NAMES.map((name) => [name, readMail(engine, root, name)])) as MailTemplates;
}

/** Fills a mail in: same arguments, same mail. The words are escaped in the HTML part and as they are in the text part. */
export function composeMail<N extends MailName>(
  templates: MailTemplates,
  name: N,
  language: string,
  data: Mails[N],
): ComposedMail {
  const whole = { ...data, language, direction: directionOf(language) };
  const options = { allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false };
  const template = templates[name];
  return {
    // A line break in a list's name must not begin another header.
    subject: template
      .subject(whole, options)
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .trim(),
    html: template.html(whole, options),
    text: template.text(whole, options),
  };
}

function readMail(engine: typeof Handlebars, root: string, name: MailName): MailTemplate {
  const text = readFileSync(join(root, 'templates', 'mail', `${name}.txt.hbs`), 'utf8');
  const html = readFileSync(compiledMail(root, name), 'utf8');
  const [subject = '', ...lines] = text.split('\n');
  return {
    subject: compile(engine, subject, true),
    html: compile(engine, html, false),
    text: compile(engine, lines.join('\n').trimStart(), true),
  };
}

function compile(engine: typeof Handlebars, source: string, noEscape: boolean): Template {
  const knownHelpers = { with: false, unless: false, log: false, lookup: false };
  const ours = { t: true, key: true, date: true, time: true, moment: true };
  return engine.compile(source, {
    strict: true,
    noEscape,
    knownHelpers: { ...knownHelpers, ...ours },
    knownHelpersOnly: true,
  });
}

interface RootData {
  readonly data: { readonly root: { readonly language: string; readonly zone: string } };
  readonly hash: Readonly<Record<string, string>>;
}

function mailHelpers(catalogs: Catalogs): Record<string, Handlebars.HelperDelegate> {
  return {
    t: (key: string, { data, hash }: RootData) => translate(catalogs, data.root.language, key, hash),
    key: (...parts: unknown[]) => parts.slice(0, -1).join('.'),
    date: (date: Date, { data }: RootData) => formatDate(data.root.language, date, data.root.zone),
    time: (date: Date, { data }: RootData) => formatTime(data.root.language, date, data.root.zone),
    moment: (date: Date, { data }: RootData) => {
      const { language, zone } = data.root;
      const dateTime = formatDateTime(language, date, zone);
      return translate(catalogs, language, 'mail.moment', { dateTime, zone: zoneName(language, zone) });
    },
  };
}

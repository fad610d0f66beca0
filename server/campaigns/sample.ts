import { randomBytes } from 'node:crypto';
import { linkAddress, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { preferencesUrl, unsubscribeUrl } from '../links/urls.js';
import { escapeHtml } from '../mail/escape.js';
import type { Footer } from '../mail/footer.js';
import { hole } from '../mail/hole.js';
import { messageIdField, type HeaderField } from '../mail/headers.js';
import { readMail } from '../mail/read-mail.js';
import { unsubscribeFields } from '../mail/list-headers.js';
import { mailtoUrl, type Recipient } from './builder.js';
import { hostPictures } from './host-pictures.js';
import { copyOf } from './finish-message.js';
import { prepareFinished } from './message.js';
import { personalHoles, personalSubject, presentFields } from './personal.js';
import { fieldsAskedBy, fillContent, footerOf, layOut, type CampaignContent, type LaidOut } from './prepare.js';
import { footerDate } from './words.js';

/** A made-up person (T11), confirmed two months ago. The links are signed like real ones and belong to nobody. */
export function samplePerson(
  ctx: Context,
  address: string,
  attributes: Recipient['attributes'] = MADE_UP.usual.attributes,
): Recipient {
  return {
    address,
    attributes,
    unsubscribeRef: randomBytes(16),
    preferencesRef: randomBytes(16),
    mailtoRef: randomBytes(10),
    confirmedAt: new Date(ctx.now().getTime() - 60 * 86_400_000),
  };
}

/** What a reader sees of a mail. */
export interface Preview extends Pick<LaidOut, 'subject' | 'html' | 'text'> {
  /** Of the HTML as it leaves. */
  readonly htmlBytes: number;
}

/** Whose copy a preview shows: each has another way to break a mail. */
export const MADE_UP = {
  usual: {
    name: 'Ada Nowak',
    address: 'ada@example.org',
    attributes: { first_name: 'Ada', last_name: 'Nowak', name: 'Ada Nowak', city: 'Łódź', country: 'Polska' },
  },
  long: {
    name: 'Maximiliana Wolfeschlegelsteinhausenbergerdorff-Szczebrzeszyńska',
    address: 'maximiliana.wolfeschlegelsteinhausenbergerdorff@newsletter.example.org',
    attributes: {
      first_name: 'Maximiliana',
      last_name: 'Wolfeschlegelsteinhausenbergerdorff-Szczebrzeszyńska',
      name: 'Maximiliana Wolfeschlegelsteinhausenbergerdorff-Szczebrzeszyńska',
      city: 'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch',
      country: 'Saint Vincent and the Grenadines',
    },
  },
  rtl: {
    name: 'نور الهدى عبد الرحمن',
    address: 'nour@example.org',
    attributes: {
      first_name: 'نور الهدى',
      last_name: 'عبد الرحمن',
      name: 'نور الهدى عبد الرحمن',
      city: 'القاهرة',
      country: 'مصر',
    },
  },
  bare: { name: '', address: 'k@example.org', attributes: {} },
} as const;

export type MadeUp = keyof typeof MADE_UP;

/** A campaign as a made-up person would get it, its pictures named by their content ids. Throws `template-refused` as `layOut`. */
export function previewOf(
  ctx: Context,
  list: ListFacts,
  content: CampaignContent,
  { language, madeUp = 'usual' }: { readonly language: string; readonly madeUp?: MadeUp },
): Preview {
  const { address, attributes } = MADE_UP[madeUp];
  const person = samplePerson(ctx, address, attributes);
  const values = valuesOf(ctx, list, person, language);
  if (content.message)
    return previewOfMessage(ctx, list, { ...content, message: content.message }, { language, values });
  const asked = presentFields(fieldsAskedBy(content), person);
  const laid = layOut(ctx, list, content, { language, why: 'confirmed', present: asked });
  const all = {
    ...values,
    ...personalHoles(laid, person, { language, now: ctx.now(), zone: list.organisation.timeZone }),
  };
  const html = fillHoles(laid.html, all, escapeHtml);
  return {
    ...{ subject: personalSubject(laid.subject, all), html, text: fillHoles(laid.text, all) },
    htmlBytes: Buffer.byteLength(hostPictures(ctx, list, content, html)),
  };
}

/** The same before the footer, its links still holes. */
export function sampleContent(
  ctx: Context,
  list: ListFacts,
  content: CampaignContent,
  language: string,
): Omit<Preview, 'htmlBytes'> {
  const person = samplePerson(ctx, MADE_UP.usual.address);
  const present = presentFields(fieldsAskedBy(content), person);
  const links = ['unsubscribe_url', 'preferences_url', 'web_version_url'].map((name) => [name, hole(name)] as const);
  const filled = fillContent(list, content, { language, why: 'confirmed', present }, hole('web_version_url'));
  const values = personalHoles(filled, person, { language, now: ctx.now(), zone: list.organisation.timeZone });
  return {
    subject: personalSubject(filled.subject, values),
    html: fillHoles(filled.html, { ...values, ...Object.fromEntries(links) }, escapeHtml),
    text: fillHoles(filled.text, values),
  };
}

function previewOfMessage(
  ctx: Context,
  list: ListFacts,
  content: CampaignContent & { readonly message: string },
  { language, values }: { readonly language: string; readonly values: Values },
): Preview {
  const ready = prepareFinished(ctx, list, content, { language, why: 'confirmed' });
  const copy = copyOf(ready, ctx.now(), {
    ...{ address: 'ada@example.org', confirmedOn: values.confirmed_on, headers: [] },
    ...{ unsubscribeUrl: values.unsubscribe_url, preferencesUrl: values.preferences_url },
    messageId: messageIdField('preview', 'example.org'),
  });
  const { html, text } = readMail(copy);
  const shown = html === '' ? `<pre>${escapeHtml(text)}</pre>` : html;
  return { subject: content.subject, html: shown, text, htmlBytes: Buffer.byteLength(shown) };
}

/** What the made-up person's copy of another program's message gets: the footer of the list, and the headers to unsubscribe. */
export function sampleFooter(
  ctx: Context,
  list: ListFacts,
  language: string,
): { readonly footer: Footer; readonly headers: readonly HeaderField[] } {
  const person = samplePerson(ctx, 'ada@example.org');
  const values = valuesOf(ctx, list, person, language);
  const footer = footerOf(ctx, list, language, 'confirmed');
  return {
    footer: {
      ...footer,
      why: fillHoles(footer.why, values),
      unsubscribeUrl: values.unsubscribe_url,
      preferencesUrl: values.preferences_url,
    },
    headers: unsubscribeFields(values.unsubscribe_url, mailtoUrl(ctx.keyring, list.organisation, person.mailtoRef)),
  };
}

interface Values extends Record<string, string> {
  readonly unsubscribe_url: string;
  readonly preferences_url: string;
  readonly confirmed_on: string;
}

function valuesOf(ctx: Context, list: ListFacts, person: Recipient, language: string): Values {
  const links = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) };
  return {
    unsubscribe_url: unsubscribeUrl(links, person.unsubscribeRef),
    preferences_url: preferencesUrl(links, person.preferencesRef),
    confirmed_on: footerDate(language, person.confirmedAt, list.organisation.timeZone),
  };
}

function fillHoles(
  text: string,
  values: Readonly<Record<string, string>>,
  escape = (value: string): string => value,
): string {
  return text.replace(/\ufdd0(\w{1,40})\ufdd1/g, (_, name: string) => escape(values[name] ?? ''));
}

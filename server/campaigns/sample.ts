import { randomBytes } from 'node:crypto';
import { linkAddress, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { preferencesUrl, unsubscribeUrl } from '../links/urls.js';
import { escapeHtml } from '../mail/escape.js';
import type { Footer } from '../mail/footer.js';
import type { HeaderField } from '../mail/headers.js';
import { unsubscribeFields } from '../mail/list-headers.js';
import { mailtoUrl, type Recipient } from './builder.js';
import { footerOf, layOut, type CampaignContent, type LaidOut } from './prepare.js';
import { footerDate } from './words.js';

/** A made-up person (T11), confirmed two months ago. The links are signed like real ones and belong to nobody. */
export function samplePerson(ctx: Context, address: string): Recipient {
  return {
    address,
    unsubscribeRef: randomBytes(16),
    preferencesRef: randomBytes(16),
    mailtoRef: randomBytes(10),
    confirmedAt: new Date(ctx.now().getTime() - 60 * 86_400_000),
  };
}

/** Whose copy a preview shows: each has another way to break a mail. */
export const MADE_UP = {
  usual: { name: 'Ada Nowak', address: 'ada@example.org' },
  long: {
    name: 'Maximiliana Wolfeschlegelsteinhausenbergerdorff-Szczebrzeszyńska',
    address: 'maximiliana.wolfeschlegelsteinhausenbergerdorff@newsletter.example.org',
  },
  rtl: { name: 'نور الهدى عبد الرحمن', address: 'nour@example.org' },
  bare: { name: '', address: 'k@example.org' },
} as const;

export type MadeUp = keyof typeof MADE_UP;

/** A campaign as the made-up person would get it. Throws `template-refused` as `layOut`. */
export function previewOf(ctx: Context, list: ListFacts, content: CampaignContent, language: string): LaidOut {
  const values = valuesOf(ctx, list, samplePerson(ctx, 'ada@example.org'), language);
  const { subject, html, text } = layOut(ctx, list, content, language, 'confirmed');
  return { subject, html: fillHoles(html, values, escapeHtml), text: fillHoles(text, values) };
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

interface Values {
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

function fillHoles(text: string, values: Values, escape = (value: string): string => value): string {
  const known: Readonly<Record<string, string>> = { ...values };
  return text.replace(/\ufdd0(\w{1,40})\ufdd1/g, (_, name: string) => escape(known[name] ?? ''));
}

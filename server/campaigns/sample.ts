import { randomBytes } from 'node:crypto';
import { linkAddress, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { preferencesUrl, unsubscribeUrl } from '../links/urls.js';
import { escapeHtml } from '../mail/escape.js';
import type { Recipient } from './builder.js';
import { layOut, type CampaignContent, type LaidOut } from './prepare.js';
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

/** A campaign as the made-up person would get it. Throws `template-refused` as `layOut`. */
export function previewOf(ctx: Context, list: ListFacts, content: CampaignContent, language: string): LaidOut {
  const person = samplePerson(ctx, 'ada@example.org');
  const links = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) };
  const values: Record<string, string> = {
    unsubscribe_url: unsubscribeUrl(links, person.unsubscribeRef),
    preferences_url: preferencesUrl(links, person.preferencesRef),
    confirmed_on: footerDate(language, person.confirmedAt, list.organisation.timeZone),
  };
  const fill = (text: string, escape: (value: string) => string): string =>
    text.replace(/\ufdd0(\w{1,40})\ufdd1/g, (_, name: string) => escape(values[name] ?? ''));
  const { subject, html, text } = layOut(ctx, list, content, language, 'confirmed');
  return { subject, html: fill(html, escapeHtml), text: fill(text, (value) => value) };
}

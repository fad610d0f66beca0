import { createHash } from 'node:crypto';
import type { ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { keysInDns } from '../delivery/shown-keys.js';
import { fromDomain, signersOf } from '../delivery/signing.js';
import { escapeHtml } from '../mail/escape.js';
import { cutAtHoles } from '../mail/hole.js';
import { finishMail } from './builder.js';
import { changeLinks } from './change-links.js';
import { fillPersonal, linksOf } from './counted-links.js';
import { contentIdOf, withPictures } from './content.js';
import { hostPictures } from './host-pictures.js';
import { messagePictures } from './message-pictures.js';
import { isHosted } from './placement.js';
import type { Finding } from './lint-finding.js';
import { lintMail, type MailToCheck } from './lint-mail.js';
import { preheaderOf, type Preheader } from './lint-preheader.js';
import { footerLanguage, layOut, type CampaignContent } from './prepare.js';
import { makeReady } from './ready.js';
import { previewOf, sampleContent, samplePerson } from './sample.js';
import { spamScore, type SpamAnswer } from './spam-score.js';

/** A campaign as it would leave, looked at by us. */
export interface Checked {
  readonly findings: readonly Finding[];
  readonly subject: string;
  readonly preheader: Preheader;
}

/** What is checked: the campaign with the file that it was made from, in one language of the footer. */
export interface ToCheck {
  readonly list: ListFacts;
  readonly content: CampaignContent & { readonly source: string };
  readonly language: string;
}

/** What the inbox shows of a campaign, as a made-up person gets it. Throws `template-refused` as `layOut`. */
export function inboxOf(ctx: Context, { list, content, language }: ToCheck): Pick<Checked, 'subject' | 'preheader'> {
  const { subject, html } = content.message ? finished(content) : sampleContent(ctx, list, content, language);
  return { subject, preheader: preheaderOf(html) };
}

/** Checks a campaign. Throws `template-refused` as `layOut`. */
export async function checkCampaign(ctx: Context, { list, content, language }: ToCheck): Promise<Checked> {
  const { html } = previewOf(ctx, list, content, { language });
  const said = content.message ? finished(content) : sampleContent(ctx, list, content, language);
  const { organisation } = list;
  const [signers, key] = await Promise.all([signersOf(ctx, organisation), keysInDns(ctx, organisation)]);
  const findings = lintMail({
    ...said,
    // What is in a finished message is encoded: no line of it would be the one that was written.
    source: content.message ? '' : content.source,
    template: content.message ? null : `${content.html}\n${content.text}`,
    laidOut: content.message ? null : layOut(ctx, list, content, { language, why: 'confirmed' }).html,
    htmlBytes: countedBytes(ctx, list, content, hostPictures(ctx, list, content, html)),
    pictures: picturesOf(ctx, list, content),
    sender: { fromDomain: fromDomain(organisation), signingDomains: signers.map(({ domain }) => domain), key },
  });
  return { findings, subject: said.subject, preheader: preheaderOf(said.html) };
}

// As long as it gets: of somebody who agreed to tracking. Everything else on this page is told of the links as they were written.
function countedBytes(ctx: Context, list: ListFacts, content: CampaignContent, html: string): number {
  const links = linksOf(ctx, list, content, true);
  const parts = cutAtHoles(links ? changeLinks(html, links) : html);
  const names = parts.filter((_, place) => place % 2 === 1);
  const filled = fillPersonal(ctx, list, { campaignId: content.id, consentId: content.id }, names);
  return Buffer.byteLength(parts.map((part, place) => (place % 2 === 0 ? part : (filled[part] ?? ''))).join(''));
}

function picturesOf(ctx: Context, list: ListFacts, content: CampaignContent): MailToCheck['pictures'] {
  if (content.message)
    return messagePictures(content.message).map(({ contentId, body }) => ({
      ...{ src: `cid:${contentId}`, bytes: body?.length ?? 0, url: null },
    }));
  return (content.pictures ?? []).map((picture) => {
    const src = `cid:${contentIdOf(picture)}`;
    return {
      src,
      bytes: picture.bytes,
      url: isHosted(content, picture) ? hostPictures(ctx, list, content, src) : null,
    };
  });
}

function finished({ subject, html, text }: CampaignContent): Pick<CampaignContent, 'subject' | 'html' | 'text'> {
  return { subject, html: html === '' ? `<pre>${escapeHtml(text)}</pre>` : html, text };
}

const KEPT = 50;
const scores = new WeakMap<Context, Map<string, SpamAnswer>>();

/** What the spam filter of this machine said of a mail before; null: it was not asked. */
export function knownSpamScore(ctx: Context, of: ToCheck): SpamAnswer | null {
  return scores.get(ctx)?.get(keyOf(of)) ?? null;
}

/** Asks the spam filter of this machine about the mail as a made-up person would get it, signed. Its answer is kept, the mail is not. */
export async function askSpamFilter(ctx: Context, of: ToCheck): Promise<SpamAnswer> {
  const known = scores.get(ctx) ?? new Map<string, SpamAnswer>();
  scores.set(ctx, known);
  const { list, content } = of;
  const language = footerLanguage(list, of.language);
  const whole = await withPictures(ctx.db, content);
  const mail = await finishMail(ctx, list.organisation, makeReady(ctx, list, whole, { language, why: 'confirmed' }), {
    recipient: samplePerson(ctx, 'ada@example.org'),
    language,
    messageId: `check.${content.id}`,
  });
  const answer = await spamScore(mail);
  if (known.size >= KEPT) known.delete(known.keys().next().value ?? '');
  if (answer !== 'failed') known.set(keyOf(of), answer);
  return answer;
}

function keyOf({ content, language }: ToCheck): string {
  return createHash('sha256')
    .update(
      JSON.stringify([content.id, content.subject, content.html, content.text, content.settings.pictures, language]),
    )
    .digest('base64');
}

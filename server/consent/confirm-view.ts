import type { Request } from 'express';
import { isStamped, makeStamp } from '../links/stamp.js';
import { notMeUrl } from '../links/urls.js';
import { escapeHtml } from '../mail/escape.js';
import { hole } from '../mail/hole.js';
import { inLanguage, masked, organisationBase, type Site } from '../web/http.js';
import type { Pages } from '../web/pages.js';
import { shownPage, showPage, type ShownPage } from '../web/shown-page.js';
import { linkAddress, textOf } from './catalogue.js';
import { type Offer } from './confirm.js';
import { bytesOf } from '../links/uuid.js';
import { countFetch, fetchesOf } from './page-fetches.js';
import type { ShownText } from './shown-text.js';

/** How long a shown button stays good, in minutes (M-54). */
const NONCE_MINUTES = 60;

/** What the page said whose button is pressed: its own nonce tells, so that the record says what was shown and not what would be now. */
export interface Shown {
  readonly language: string;
  /** Of the page with its places blanked; hex. */
  readonly pageSha256: string;
  readonly shownAt: Date;
  readonly pageFetches: number;
}

/** The page with the button, for one reader: the text that everybody of the list is shown, filled in. */
export function confirmHtml(site: Site, req: Request, offer: Offer, language: string): string {
  const { ctx } = site;
  const page = confirmPage(site, req, offer, language);
  const { sha256: pageSha256 } = page;
  const nonce = nonceOf(site, offer, {
    ...{ language, pageSha256, shownAt: ctx.now(), pageFetches: countFetch(ctx, offer.offerId) },
  });
  const zone = offer.list.organisation.timeZone;
  const [address, at] = [
    { language, zone, address: masked(offer.address) },
    { language, zone, at: offer.askedAt },
  ];
  const maker = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, offer.list.organisation) };
  return page.fill({
    page: escapeHtml(req.path),
    action: escapeHtml(inLanguage(site, req, req.path)),
    address: site.renderer.fragment('place-address', address),
    requested: site.renderer.fragment('place-date', at),
    host: offer.origin.kind === 'form' ? escapeHtml(offer.origin.host) : '',
    not_me: escapeHtml(notMeUrl(maker, bytesOf(offer.signUpId), notMeExpiry(offer.requestedAt))),
    nonce,
  });
}

/** null: not a nonce of ours for this offer, or an old one. */
export function openNonce(site: Site, offer: Offer, nonce: string): Shown | null {
  const { ctx } = site;
  const [language = '', pageSha256 = '', at = '', fetches = '', stamp = ''] = nonce.split('~');
  const subject = subjectOf(offer, language, pageSha256, at, fetches);
  if (!isStamped(ctx.keyring, 'confirm', subject, stamp, NONCE_MINUTES, ctx.now())) return null;
  return {
    ...{ language, pageSha256, shownAt: new Date(parseInt(at, 36)) },
    // Another process may have answered the fetches in between: whichever count is higher is nearer to the truth.
    pageFetches: Math.max(Number(fetches), fetchesOf(ctx, offer.offerId)),
  };
}

/** The text of the page whose button was pressed, where it can still be made: for whoever keeps it with the confirmation. */
export function shownConfirm(site: Site, req: Request, offer: Offer, shown: Shown): ShownText | null {
  const known = shownPage(site.renderer, shown.pageSha256);
  if (known) return known;
  // Another process showed it, or this one before it was started anew.
  const again = confirmPage(site, req, offer, shown.language);
  return again.sha256 === shown.pageSha256 ? again : null;
}

/** A "not me" link works for as long as the request can hold data. */
function notMeExpiry(requestedAt: Date): Date {
  return new Date(requestedAt.getTime() + 14 * 86_400_000);
}

function nonceOf({ ctx }: Site, offer: Offer, { language, pageSha256, shownAt, pageFetches }: Shown): string {
  const [at, fetches] = [shownAt.getTime().toString(36), String(pageFetches)];
  const stamp = makeStamp(ctx.keyring, 'confirm', subjectOf(offer, language, pageSha256, at, fetches), ctx.now());
  return [language, pageSha256, at, fetches, stamp].join('~');
}

function subjectOf({ offerId }: Offer, ...shown: string[]): string {
  return [offerId, ...shown].join('\0');
}

function confirmPage(site: Site, req: Request, offer: Offer, language: string): ShownPage {
  const base = organisationBase(site, req, language, offer.list.organisation);
  const data: Pages['confirm'] = {
    ...base,
    languages: base.languages.map((link) => ({ ...link, href: `${hole('page')}?lang=${link.code}` })),
    list: textOf(offer.list, language),
    isTracking: offer.list.kind === 'tracking',
    masked: { place: hole('address') },
    requestedAt: { place: hole('requested') },
    origin: offer.origin.kind === 'form' ? { kind: 'form', host: hole('host') } : offer.origin,
    wordings: [offer.wording.label],
    choices: [],
    action: hole('action'),
    nonce: hole('nonce'),
    notMeHref: hole('not_me'),
  };
  return showPage(site.renderer, 'confirm', data);
}

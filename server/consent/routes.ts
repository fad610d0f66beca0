import { createHash } from 'node:crypto';
import { Router, type Request, type Response } from 'express';
import type { Context } from '../context.js';
import { isStamped, makeStamp } from '../links/stamp.js';
import { openLink, type Link } from '../links/token.js';
import { notMeUrl, preferencesUrl } from '../links/urls.js';
import {
  agentOf,
  fieldsOf,
  handle,
  inLanguage,
  ipOf,
  languageOf,
  masked,
  onlyMethods,
  organisationBase,
  param,
  readForm,
  sendHtml,
  sendPage,
  type Site,
} from '../web/http.js';
import type { ConfirmPage } from '../web/pages.js';
import { linkAddress, textOf } from './catalogue.js';
import { bytesOf, confirm, findOffer, type Offer } from './confirm.js';
import { BLOCK_DAYS, disown, findDisowned } from './refuse.js';
import { receiptLinks } from './receipt-links.js';

/** How long a shown button stays good, in minutes (M-54). */
const NONCE_MINUTES = 60;

/** Confirmation pages: a GET only shows a button, since mail scanners follow links (M-50). */
export function consentRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/c/:token')
    .get(handle(async (req, res) => showOffer(site, req, res)))
    .post(
      readForm,
      handle(async (req, res) => postConfirm(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/n/:token')
    .get(handle(async (req, res) => showNotMe(site, req, res)))
    .post(
      readForm,
      handle(async (req, res) => postNotMe(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

async function showOffer(site: Site, req: Request, res: Response): Promise<void> {
  const offer = await findOffer(site.ctx, open(site, req, 'c'));
  const language = languageOf(site, req, offer.language);
  if (offer.consent.state === 'confirmed')
    return showConfirmed(site, req, res, offer, language, offer.consent.confirmedAt ?? offer.consent.stateAt, null);
  ask(site, req, res, offer, language);
}

/** The page with the button. */
function ask(site: Site, req: Request, res: Response, offer: Offer, language: string): void {
  const html = site.renderer.page('confirm', confirmPage(site, req, offer, language));
  const shown: Shown = { language, pageSha256: createHash('sha256').update(html).digest('hex') };
  sendHtml(
    res,
    html.replace(NO_NONCE, () => `name="nonce" value="${nonceOf(site.ctx, offer, shown)}"`),
  );
}

/** What the page said whose button is pressed: its own nonce tells, so that the record says what was shown and not what would be now. */
interface Shown {
  readonly language: string;
  /** Of the page as it was served, its nonce left empty; hex. */
  readonly pageSha256: string;
}

const NO_NONCE = 'name="nonce" value=""';

function nonceOf(ctx: Context, offer: Offer, { language, pageSha256 }: Shown): string {
  const stamp = makeStamp(ctx.keyring, 'confirm', `${offer.offerId}\0${language}\0${pageSha256}`, ctx.now());
  return `${language}~${pageSha256}~${stamp}`;
}

/** null: not a nonce of ours for this offer, or an old one. */
function openNonce(ctx: Context, offer: Offer, nonce: string): Shown | null {
  const [language = '', pageSha256 = '', stamp = ''] = nonce.split('~');
  const subject = `${offer.offerId}\0${language}\0${pageSha256}`;
  return isStamped(ctx.keyring, 'confirm', subject, stamp, NONCE_MINUTES, ctx.now()) ? { language, pageSha256 } : null;
}

async function postConfirm(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const link = open(site, req, 'c');
  const offer = await findOffer(ctx, link);
  const language = languageOf(site, req, offer.language);
  const shown = openNonce(ctx, offer, fieldsOf(req)['nonce'] ?? '');
  if (offer.consent.state === 'confirmed')
    return showConfirmed(site, req, res, offer, language, offer.consent.confirmedAt ?? offer.consent.stateAt, null);
  // A bare POST of the mailed address, or a page left open for hours: show the button again (M-54).
  if (!shown) {
    ask(site, req, res, offer, language);
    return;
  }
  const done = await confirm(ctx, link, offer, { ip: ipOf(req), userAgent: agentOf(req), ...shown });
  return showConfirmed(site, req, res, done.offer, language, done.confirmedAt, done.eventId);
}

async function showConfirmed(
  site: Site,
  req: Request,
  res: Response,
  offer: Offer,
  language: string,
  confirmedAt: Date,
  eventId: string | null,
): Promise<void> {
  const { organisation } = offer.list;
  // Only the answer to the press that confirmed mints a receipt link, never a GET or a replay (T9).
  const receipt = await receiptLinks(site.ctx, offer.list, offer.signUpId, eventId);
  sendPage(site, res, 'confirmed', {
    ...organisationBase(site, req, language, organisation),
    list: textOf(offer.list, language),
    masked: masked(offer.address),
    confirmedAt,
    receiptNumber: receipt.number,
    receipt: receipt.links,
    settingsHref: preferencesUrl(
      { keyring: site.ctx.keyring, publicUrl: linkAddress(site.ctx, organisation) },
      offer.consent.preferencesRef,
    ),
  });
}

function confirmPage(site: Site, req: Request, offer: Offer, language: string): ConfirmPage {
  const { organisation } = offer.list;
  const maker = { keyring: site.ctx.keyring, publicUrl: linkAddress(site.ctx, organisation) };
  return {
    ...organisationBase(site, req, language, organisation),
    list: textOf(offer.list, language),
    masked: masked(offer.address),
    requestedAt: offer.askedAt,
    origin: offer.origin,
    wordings: [offer.wording.label],
    choices: [],
    action: inLanguage(site, req, req.path),
    nonce: '',
    notMeHref: notMeUrl(maker, bytesOf(offer.signUpId), notMeExpiry(offer.requestedAt)),
  };
}

/** A "not me" link works for as long as the request can hold data. */
export function notMeExpiry(requestedAt: Date): Date {
  return new Date(requestedAt.getTime() + 14 * 86_400_000);
}

async function showNotMe(site: Site, req: Request, res: Response): Promise<void> {
  const { list, language, address } = await findDisowned(site.ctx, open(site, req, 'n').ref);
  const shown = languageOf(site, req, language);
  const base = organisationBase(site, req, shown, list.organisation);
  sendPage(site, res, 'not-me', {
    ...base,
    list: textOf(list, shown),
    masked: masked(address),
    days: BLOCK_DAYS,
    action: inLanguage(site, req, req.path),
  });
}

async function postNotMe(site: Site, req: Request, res: Response): Promise<void> {
  const { list, language, address } = await disown(site.ctx, open(site, req, 'n').ref);
  const shown = languageOf(site, req, language);
  const base = organisationBase(site, req, shown, list.organisation);
  sendPage(site, res, 'not-me-done', { ...base, list: textOf(list, shown), masked: masked(address), days: BLOCK_DAYS });
}

function open(site: Site, req: Request, purpose: 'c' | 'n'): Link {
  return openLink(site.ctx.keyring, site.ctx.audiences, purpose, param(req, 'token'), site.ctx.now());
}

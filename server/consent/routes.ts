import { createHash } from 'node:crypto';
import { Router, type Request, type Response } from 'express';
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
  sendPage(
    site,
    res,
    'confirm',
    confirmPage(site, req, offer, language, makeStamp(site.ctx.keyring, 'confirm', offer.offerId, site.ctx.now())),
  );
}

async function postConfirm(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const link = open(site, req, 'c');
  const offer = await findOffer(ctx, link);
  const language = languageOf(site, req, offer.language);
  const nonce = fieldsOf(req)['nonce'] ?? '';
  // A bare POST of the mailed address, or a page left open for hours: show the button again (M-54).
  if (
    !isStamped(ctx.keyring, 'confirm', offer.offerId, nonce, NONCE_MINUTES, ctx.now()) &&
    offer.consent.state !== 'confirmed'
  ) {
    sendPage(
      site,
      res,
      'confirm',
      confirmPage(site, req, offer, language, makeStamp(ctx.keyring, 'confirm', offer.offerId, ctx.now())),
    );
    return;
  }
  const pageSha256 = createHash('sha256')
    .update(site.renderer.page('confirm', confirmPage(site, req, offer, language, '')))
    .digest('hex');
  const done = await confirm(ctx, link, offer, { ip: ipOf(req), userAgent: agentOf(req), language, pageSha256 });
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

function confirmPage(site: Site, req: Request, offer: Offer, language: string, nonce: string): ConfirmPage {
  const { organisation } = offer.list;
  const maker = { keyring: site.ctx.keyring, publicUrl: linkAddress(site.ctx, organisation) };
  return {
    ...organisationBase(site, req, language, organisation),
    list: textOf(offer.list, language),
    masked: masked(offer.address),
    requestedAt: offer.requestedAt,
    origin: { kind: 'form', host: offer.formHost },
    wordings: [offer.wording.label],
    choices: [],
    action: inLanguage(site, req, req.path),
    nonce,
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

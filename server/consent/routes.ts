import { Router, type Request, type Response } from 'express';
import { openLink, type Link } from '../links/token.js';
import { preferencesUrl } from '../links/urls.js';
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
import { linkAddress, textOf } from './catalogue.js';
import { confirm, findOffer, type Offer } from './confirm.js';
import { confirmHtml, openNonce, shownConfirm } from './confirm-view.js';
import { BLOCK_DAYS, disown, findDisowned } from './refuse.js';
import { receiptLinks } from './receipt-links.js';
import { keepText } from './shown-text.js';

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
  sendHtml(res, confirmHtml(site, req, offer, language));
}

async function postConfirm(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const link = open(site, req, 'c');
  const offer = await findOffer(ctx, link);
  const language = languageOf(site, req, offer.language);
  const shown = openNonce(site, offer, fieldsOf(req)['nonce'] ?? '');
  if (offer.consent.state === 'confirmed')
    return showConfirmed(site, req, res, offer, language, offer.consent.confirmedAt ?? offer.consent.stateAt, null);
  // A bare POST of the mailed address, or a page left open for hours: show the button again (M-54).
  if (!shown) {
    sendHtml(res, confirmHtml(site, req, offer, language));
    return;
  }
  const text = shownConfirm(site, req, offer, shown);
  if (text) await keepText(ctx, text);
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
    isTracking: offer.list.kind === 'tracking',
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

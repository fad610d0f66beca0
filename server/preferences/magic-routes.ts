import { Router, type Request, type Response } from 'express';
import { catalogue, organisationById } from '../consent/catalogue.js';
import { openLink } from '../links/token.js';
import { MAGIC_MINUTES } from '../links/urls.js';
import { tryAddress } from '../mail/address.js';
import {
  fieldsOf,
  handle,
  inLanguage,
  languageOf,
  onlyMethods,
  organisationBase,
  param,
  plainBase,
  readForm,
  sendPage,
  type Site,
} from '../web/http.js';
import { linkLimit } from '../web/limits.js';
import { setCookie } from './cookies.js';
import { askForMagicLink, findMagicLink, useMagicLink } from './magic.js';
import { MAGIC_SESSION_MS, openSession } from './session.js';

/** The way to all lists of an organisation, for whoever proves to hold the mailbox (T9): ask for a link, open it by a button. */
export function magicRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/preferences')
    .get((req, res) => showAsk(site, req, res, '', false))
    .post(
      linkLimit(site.ctx),
      readForm,
      handle(async (req, res) => ask(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/m/:token')
    .get(handle(async (req, res) => showMagic(site, req, res)))
    .post(
      readForm,
      handle(async (req, res) => openMagic(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

function showAsk(site: Site, req: Request, res: Response, address: string, wrong: boolean): void {
  const page = { ...plainBase(site, req), action: inLanguage(site, req, '/preferences'), ticket: '', address, wrong };
  sendPage(site, res, 'magic-ask', page, wrong ? 422 : 200);
}

async function ask(site: Site, req: Request, res: Response): Promise<void> {
  const fields = fieldsOf(req);
  const typed = (fields['email'] ?? '').slice(0, 320);
  const address = tryAddress(typed)?.normal;
  if (!address) {
    showAsk(site, req, res, typed, true);
    return;
  }
  const { organisations } = await catalogue(site.ctx);
  const language = languageOf(site, req);
  if (!fields['website']) {
    for (const organisation of organisations)
      await askForMagicLink(site.ctx, { organisation, normal: address, language });
  }
  sendPage(site, res, 'magic-sent', {
    ...plainBase(site, req),
    languages: [],
    address: typed,
    fromAddress: organisations.map((organisation) => organisation.fromAddress).join(', '),
    minutes: MAGIC_MINUTES,
    correctHref: `/preferences?lang=${language}`,
    mailboxHref: site.hasMailbox ? `/mailbox?lang=${language}` : null,
  });
}

async function showMagic(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const found = await findMagicLink(ctx, openLink(ctx.keyring, ctx.audiences, 'm', param(req, 'token'), ctx.now()));
  const organisation = await organisationById(site.ctx, found.organisationId);
  sendPage(site, res, 'magic', {
    ...organisationBase(site, req, languageOf(site, req, found.language), organisation),
    action: inLanguage(site, req, req.path),
  });
}

async function openMagic(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const link = openLink(ctx.keyring, ctx.audiences, 'm', param(req, 'token'), ctx.now());
  const { language } = await findMagicLink(ctx, link);
  const subscriberId = await useMagicLink(ctx, link);
  setCookie(ctx, res, 'settings', await openSession(ctx, { subscriberId }, MAGIC_SESSION_MS), MAGIC_SESSION_MS);
  res.redirect(303, `/settings?lang=${languageOf(site, req, language)}`);
}

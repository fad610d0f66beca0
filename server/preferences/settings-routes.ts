import { Router, type Request, type Response } from 'express';
import { listById, organisationById, textOf, type ListFacts } from '../consent/catalogue.js';
import { consentsOf, type ConsentOfPerson } from '../consent/find.js';
import { subscribe } from '../consent/subscribe.js';
import { stopAll, withdraw } from '../consent/withdraw.js';
import { Refusal } from '../errors.js';
import { CONFIRM_DAYS, hostOf } from '../links/urls.js';
import { parseAddress } from '../mail/address.js';
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
import { sameOrigin } from '../web/origin.js';
import { correctAbout } from './about-view.js';
import { clearCookie, cookieOf } from './cookies.js';
import { askToErase, eraseNow } from './erase-view.js';
import { choose } from './preferences.js';
import { closeSession, formToken, sessionOf } from './session.js';
import { showAll, type Person } from './settings-page-view.js';
import { stopTracking } from './stop-tracking.js';
import { readChoices, settingState } from './settings-view.js';

/** All lists of an organisation, in the quarter of an hour after a magic link (T9): join, steer, leave. */
export function settingsRoutes(site: Site): Router {
  const routes = Router();
  routes.use('/settings', (_req, res, next) => {
    // With no referrer at all, forms would be posted with the origin "null"; there is no token in this address.
    res.setHeader('Referrer-Policy', 'same-origin');
    next();
  });
  routes
    .route('/settings')
    .get(handle(async (req, res) => showAll(site, req, res, await person(site, req), null, null)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/settings/erase')
    .get(handle(async (req, res) => askToErase(site, req, res, await person(site, req))))
    .post(
      sameOrigin(site),
      readForm,
      handle(async (req, res) => eraseNow(site, req, res, await person(site, req))),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/settings/:what')
    .post(
      sameOrigin(site),
      readForm,
      handle(async (req, res) => change(site, req, res)),
    )
    .all(onlyMethods('POST'));
  return routes;
}

async function person(site: Site, req: Request): Promise<Person> {
  const { ctx } = site;
  const secret = cookieOf(ctx, req, 'settings');
  const owner = await sessionOf(ctx, secret);
  const consents = owner && 'subscriberId' in owner ? await consentsOf(ctx, ctx.db, owner.subscriberId) : [];
  const first = consents.find((one) => one.address !== null);
  if (!secret || !owner || !first || first.address === null)
    throw new Refusal('login-needed', 'Your settings are closed again. Ask for a new link.');
  const organisation = await organisationById(site.ctx, first.organisationId);
  return {
    secret,
    subscriberId: first.subscriberId,
    until: owner.expiresAt,
    organisation,
    language: languageOf(site, req, first.language),
    address: first.address,
    consents,
  };
}

async function change(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const who = await person(site, req);
  const fields = fieldsOf(req);
  if (fields['nonce'] !== formToken(ctx, who.secret)) throw new Refusal('not-allowed', 'This form is not ours.');
  const what = param(req, 'what');
  if (what === 'sign-out') return signOut(site, req, res, who);
  if (what === 'stop') {
    const since = await stopAll(ctx, who.subscriberId);
    const base = organisationBase(site, req, who.language, who.organisation);
    sendPage(site, res, 'stopped-all', { ...base, languages: [], masked: masked(who.address), since, undo: null });
    return;
  }
  if (what === 'about') return correctAbout(site, req, res, who);
  const list = await listById(ctx, what);
  if (list.organisation.id !== who.organisation.id) throw new Refusal('list-unknown', 'There is no such list.');
  const found = who.consents.find((one) => one.listId === list.id && one.consent.state === 'confirmed');
  return found ? steer(site, req, res, who, found, list, fields) : join(site, req, res, who, list, fields);
}

async function signOut(site: Site, req: Request, res: Response, who: Person): Promise<void> {
  await closeSession(site.ctx, who.secret);
  clearCookie(site.ctx, res, 'settings');
  res.redirect(303, inLanguage(site, req, '/preferences'));
}

async function steer(
  site: Site,
  req: Request,
  res: Response,
  who: Person,
  found: ConsentOfPerson,
  list: ListFacts,
  fields: Record<string, string>,
): Promise<void> {
  const { ctx } = site;
  const choices = readChoices(fields, {
    ...{ facts: list, consent: found.consent, now: ctx.now(), reduceOnly: false },
  });
  if (choices === 'wrong-day' || choices === 'no-topic') {
    const what = choices === 'no-topic' ? choices : { day: fields['until'] ?? '' };
    return showAll(site, req, res, who, null, { listId: list.id, what });
  }
  if (fields['stop-tracking'] === 'yes') await stopTracking(ctx, who.subscriberId);
  if (choices === 'leave') await withdraw(ctx, found.consent.id, 'settings');
  else if (choices.length > 0) await choose(ctx, found.consent.id, choices);
  const after = await person(site, req);
  const now = after.consents.find((one) => one.listId === list.id);
  const state = now ? settingState(now.consent, ctx.now()) : { kind: 'none' as const };
  return showAll(site, req, res, after, { list: textOf(list, who.language), state }, null);
}

// Joining from here is a sign-up like any other: the mail with the button follows.
async function join(
  site: Site,
  req: Request,
  res: Response,
  who: Person,
  list: ListFacts,
  fields: Record<string, string>,
): Promise<void> {
  const wording = list.wordings.find((one) => one.id === fields['consent']);
  if (!wording) return showAll(site, req, res, who, null, { listId: list.id });
  const { ctx } = site;
  const address = parseAddress(who.address);
  await subscribe(ctx, {
    list,
    wording,
    language: who.language,
    address,
    formHost: hostOf(ctx.publicUrl),
    source: 'settings',
    ip: ipOf(req),
    userAgent: agentOf(req),
  });
  sendPage(site, res, 'check-mail', {
    ...organisationBase(site, req, who.language, who.organisation),
    languages: [],
    list: textOf(list, who.language),
    address: who.address,
    beside: null,
    fromAddress: who.organisation.fromAddress,
    expiresAt: new Date(ctx.now().getTime() + CONFIRM_DAYS * 86_400_000),
    correctHref: inLanguage(site, req, '/settings'),
    mailboxHref: site.hasMailbox ? `/mailbox?lang=${who.language}` : null,
  });
}

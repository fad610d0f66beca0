import { Router, type Request, type Response } from 'express';
import {
  catalogue,
  listById,
  textOf,
  wordingOf,
  type ListFacts,
  type OrganisationFacts,
} from '../consent/catalogue.js';
import { consentsOf, type ConsentOfPerson } from '../consent/find.js';
import { mintReceiptLinks, receiptNumber } from '../consent/receipt-links.js';
import { subscribe } from '../consent/subscribe.js';
import { stopAll, withdraw } from '../consent/withdraw.js';
import { Refusal } from '../errors.js';
import { linkLimit } from '../forms/limits.js';
import { openLink } from '../links/token.js';
import { CONFIRM_DAYS, hostOf, MAGIC_MINUTES } from '../links/urls.js';
import { parseAddress } from '../mail/address.js';
import {
  agentOf,
  fieldsOf,
  handle,
  ipOf,
  languageOf,
  masked,
  onlyMethods,
  organisationBase,
  param,
  plainBase,
  readForm,
  sendPage,
  type Site,
} from '../web/http.js';
import type { PreferencesAllPage } from '../web/pages.js';
import { askForMagicLink, findMagicLink, useMagicLink } from './magic.js';
import { choose } from './preferences.js';
import { closeSession, formToken, MAGIC_SESSION_MS, openSession, sessionOf } from './session.js';
import { clearCookie, cookieOf, setCookie } from './cookies.js';
import { listChoices, readChoice, settingState } from './settings-view.js';

/** All lists of an organisation, for whoever proves to hold the mailbox (T9): ask for a link, open it by a button, steer for 15 minutes. */
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
  routes
    .route('/settings')
    .get(handle(async (req, res) => showAll(site, req, res, await person(site, req), null, null)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/settings/:what')
    .post(
      readForm,
      handle(async (req, res) => change(site, req, res)),
    )
    .all(onlyMethods('POST'));
  return routes;
}

function showAsk(site: Site, req: Request, res: Response, address: string, wrong: boolean): void {
  const page = { ...plainBase(site, req), action: '/preferences', ticket: '', address, wrong };
  sendPage(site, res, 'magic-ask', page, wrong ? 422 : 200);
}

async function ask(site: Site, req: Request, res: Response): Promise<void> {
  const fields = fieldsOf(req);
  const typed = (fields['email'] ?? '').slice(0, 320);
  const address = tryAddress(typed);
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
    mailboxHref: site.hasMailbox ? '/mailbox' : null,
  });
}

async function showMagic(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const found = await findMagicLink(ctx, openLink(ctx.keyring, ctx.audiences, 'm', param(req, 'token'), ctx.now()));
  const organisation = await organisationOf(site, found.organisationId);
  sendPage(site, res, 'magic', {
    ...organisationBase(site, req, languageOf(site, req, found.language), organisation),
    action: req.path,
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

interface Person {
  readonly secret: string;
  readonly subscriberId: string;
  readonly organisation: OrganisationFacts;
  readonly language: string;
  readonly address: string;
  readonly consents: readonly ConsentOfPerson[];
}

async function person(site: Site, req: Request): Promise<Person> {
  const { ctx } = site;
  const secret = cookieOf(ctx, req, 'settings');
  const owner = await sessionOf(ctx, secret);
  const consents = owner && 'subscriberId' in owner ? await consentsOf(ctx, ctx.db, owner.subscriberId) : [];
  const [first] = consents;
  if (!secret || !first || first.address === null)
    throw new Refusal('login-needed', 'Your settings are closed again. Ask for a new link.');
  const organisation = await organisationOf(site, first.organisationId);
  return {
    secret,
    subscriberId: first.subscriberId,
    organisation,
    language: languageOf(site, req, first.language),
    address: first.address,
    consents,
  };
}

async function showAll(
  site: Site,
  req: Request,
  res: Response,
  who: Person,
  saved: PreferencesAllPage['saved'],
  wrong: { listId: string; day?: string } | null,
): Promise<void> {
  const { ctx } = site;
  const now = ctx.now();
  const lists = (await catalogue(ctx)).lists.filter((list) => list.organisation.id === who.organisation.id);
  const joined = who.consents.filter((found) => found.consent.state === 'confirmed');
  const joinedIds = new Set(joined.map((found) => found.listId));
  const page: PreferencesAllPage = {
    ...organisationBase(site, req, who.language, who.organisation),
    languages: organisationBase(site, req, who.language, who.organisation).languages.map((link) => ({
      ...link,
      href: `/settings?lang=${link.code}`,
    })),
    address: who.address,
    nonce: formToken(ctx, who.secret),
    saved,
    joined: await Promise.all(
      joined.map(async (found) => ({
        ...listChoices(
          {
            ref: `l${found.listId.slice(0, 8)}`,
            list: textOf(await listById(ctx, found.listId), who.language),
            consent: found.consent,
            now,
            reduceOnly: false,
          },
          wrong?.listId === found.listId ? (wrong.day ?? '') : null,
        ),
        action: `/settings/${found.listId}`,
      })),
    ),
    open: lists
      .filter((list) => !joinedIds.has(list.id))
      .map((list) => ({
        ref: `j${list.id.slice(0, 8)}`,
        list: textOf(list, who.language),
        wording: { id: wordingOf(list, who.language).id, text: wordingOf(list, who.language).label },
        action: `/settings/${list.id}`,
        wrong: wrong?.listId === list.id,
      })),
    receipts: await receiptsOf(site, who, lists),
    stopAllAction: '/settings/stop',
    signOutAction: '/settings/sign-out',
    dataHref: null,
    addressHref: null,
    eraseHref: null,
    until: new Date(now.getTime() + MAGIC_SESSION_MS),
  };
  sendPage(site, res, 'preferences-all', page, wrong ? 422 : 200);
}

async function receiptsOf(
  site: Site,
  who: Person,
  lists: readonly ListFacts[],
): Promise<PreferencesAllPage['receipts']> {
  const all = await Promise.all(
    who.consents.map(async ({ consent, listId }) => {
      const list = lists.find((one) => one.id === listId);
      const number = await receiptNumber(site.ctx, consent.signUpId);
      if (!list || number === null || !consent.confirmedAt) return [];
      return [
        {
          number,
          list: textOf(list, who.language),
          confirmedAt: consent.confirmedAt,
          ...mintReceiptLinks(site.ctx, list, consent.signUpId),
        },
      ];
    }),
  );
  return all.flat();
}

async function change(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const who = await person(site, req);
  const fields = fieldsOf(req);
  if (fields['nonce'] !== formToken(ctx, who.secret)) throw new Refusal('not-allowed', 'This form is not ours.');
  const what = param(req, 'what');
  if (what === 'sign-out') return signOut(site, res, who);
  if (what === 'stop') {
    const since = await stopAll(ctx, who.subscriberId);
    const base = organisationBase(site, req, who.language, who.organisation);
    sendPage(site, res, 'stopped-all', { ...base, languages: [], masked: masked(who.address), since, undo: null });
    return;
  }
  const list = await listById(ctx, what);
  if (list.organisation.id !== who.organisation.id) throw new Refusal('list-unknown', 'There is no such list.');
  const found = who.consents.find((one) => one.listId === list.id && one.consent.state === 'confirmed');
  return found ? steer(site, req, res, who, found, list, fields) : join(site, req, res, who, list, fields);
}

async function signOut(site: Site, res: Response, who: Person): Promise<void> {
  await closeSession(site.ctx, who.secret);
  clearCookie(site.ctx, res, 'settings');
  res.redirect(303, '/preferences');
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
  const choice = readChoice(fields, ctx.now());
  if (choice === 'wrong-day')
    return showAll(site, req, res, who, null, { listId: list.id, day: fields['until'] ?? '' });
  if (choice === 'leave') await withdraw(ctx, found.consent.id, 'settings');
  else if (choice) await choose(ctx, found.consent.id, choice);
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
    fromAddress: who.organisation.fromAddress,
    expiresAt: new Date(ctx.now().getTime() + CONFIRM_DAYS * 86_400_000),
    correctHref: '/settings',
    mailboxHref: site.hasMailbox ? '/mailbox' : null,
  });
}

async function organisationOf(site: Site, id: string): Promise<OrganisationFacts> {
  const organisation = (await catalogue(site.ctx)).organisations.find((one) => one.id === id);
  if (!organisation) throw new Refusal('not-found', 'There is no such organisation.');
  return organisation;
}

function tryAddress(text: string): string | null {
  try {
    return parseAddress(text).normal;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

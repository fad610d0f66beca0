import express, { Router, type Request, type Response } from 'express';
import { catalogue, linkAddress, listById, textOf, type ListFacts } from '../consent/catalogue.js';
import { consentByRef, type ConsentOfPerson } from '../consent/find.js';
import { renew, stopAll, withdraw } from '../consent/withdraw.js';
import { Refusal } from '../errors.js';
import { openLink } from '../links/token.js';
import { preferencesUrl } from '../links/urls.js';
import {
  fieldsOf,
  handle,
  inLanguage,
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
import type { UnsubscribedPage } from '../web/pages.js';
import { openUndo, undoLeaving } from './undo.js';

/** RFC 8058 bodies are 26 bytes; whatever is larger is none. */
const BODY_BYTES = 4096;

/** Leaving one list, by page or by one click in the mail program (M-20 to M-27). It is never limited and asks for nothing. */
export function leaveRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/u/:token')
    .get(handle(async (req, res) => show(site, req, res)))
    // Whatever the body's type: the RFC's own example is malformed (M-22).
    .post(
      express.raw({ type: () => true, limit: BODY_BYTES }),
      handle(async (req, res) => leave(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/u/:token/undo')
    .post(
      readForm,
      handle(async (req, res) => undo(site, req, res)),
    )
    .all(onlyMethods('POST'));
  routes
    .route('/u/:token/stop')
    .post(
      readForm,
      handle(async (req, res) => stop(site, req, res)),
    )
    .all(onlyMethods('POST'));
  return routes;
}

interface Found {
  person: ConsentOfPerson;
  list: ListFacts;
}

async function show(site: Site, req: Request, res: Response): Promise<void> {
  const found = await find(site, req);
  if (!found) return showNeutral(site, req, res);
  const { person, list } = found;
  const language = languageOf(site, req, person.language);
  // Who has left already is told so: there is nothing to press.
  if (person.consent.state !== 'confirmed' && person.consent.state !== 'pending') {
    showLeft(site, req, res, found, person.consent.stateAt, null);
    return;
  }
  sendPage(site, res, 'unsubscribe', {
    ...organisationBase(site, req, language, list.organisation),
    list: textOf(list, language),
    masked: masked(person.address),
    action: inLanguage(site, req, req.path),
    preferencesHref: preferencesUrl(
      { keyring: site.ctx.keyring, publicUrl: linkAddress(site.ctx, list.organisation) },
      person.consent.preferencesRef,
    ),
  });
}

async function leave(site: Site, req: Request, res: Response): Promise<void> {
  const found = await find(site, req);
  if (!found) return showNeutral(site, req, res);
  const done = await withdraw(site.ctx, found.person.consent.id, isOneClick(req) ? 'one-click' : 'page');
  showLeft(site, req, res, found, done?.at ?? site.ctx.now(), done?.eventId ?? null);
}

async function undo(site: Site, req: Request, res: Response): Promise<void> {
  const found = await find(site, req);
  const wanted = found && openUndo(site.ctx, fieldsOf(req)['undo'] ?? '', found.person.consent);
  if (!found || !wanted || !('leftBy' in wanted))
    throw new Refusal('ticket-invalid', 'This can no longer be taken back here.');
  const { person, list } = found;
  const renewed = await renew(site.ctx, person.consent.id, wanted.leftBy);
  if (!renewed?.eventId) throw new Refusal('ticket-invalid', 'This can no longer be taken back here.');
  const language = languageOf(site, req, person.language);
  const maker = { keyring: site.ctx.keyring, publicUrl: linkAddress(site.ctx, list.organisation) };
  sendPage(site, res, 'preferences-saved', {
    ...organisationBase(site, req, language, list.organisation),
    list: textOf(list, language),
    state: { kind: person.consent.frequency === 'all' ? 'active' : person.consent.frequency },
    topics: '',
    trackingStopped: false,
    undo: null,
    settingsHref: preferencesUrl(maker, person.consent.preferencesRef),
  });
}

async function stop(site: Site, req: Request, res: Response): Promise<void> {
  const found = await find(site, req);
  if (!found) return showNeutral(site, req, res);
  return stopEverything(site, req, res, found.person, found.list);
}

/** "Stop all lists": the same page for everyone, whatever they were on (T8). */
export async function stopEverything(
  site: Site,
  req: Request,
  res: Response,
  person: ConsentOfPerson,
  list: ListFacts,
): Promise<void> {
  const since = await stopAll(site.ctx, person.subscriberId);
  const language = languageOf(site, req, person.language);
  const base = organisationBase(site, req, language, list.organisation);
  sendPage(site, res, 'stopped-all', { ...base, languages: [], masked: masked(person.address), since, undo: null });
}

function showLeft(
  site: Site,
  req: Request,
  res: Response,
  { person, list }: Found,
  since: Date,
  eventId: string | null,
): void {
  const language = languageOf(site, req, person.language);
  const token = param(req, 'token');
  const page: UnsubscribedPage = {
    ...organisationBase(site, req, language, list.organisation),
    list: textOf(list, language),
    left: { masked: masked(person.address), since },
    undo: eventId ? undoLeaving(site.ctx, inLanguage(site, req, `/u/${token}/undo`), person.consent.id, eventId) : null,
    stopAllAction: inLanguage(site, req, `/u/${token}/stop`),
  };
  sendPage(site, res, 'unsubscribed', page);
}

// Erased, or of a database that is gone: a true link must still end well (L-05, M-24).
async function showNeutral(site: Site, req: Request, res: Response): Promise<void> {
  const [organisation] = (await catalogue(site.ctx)).organisations;
  const base = organisation
    ? organisationBase(site, req, languageOf(site, req), organisation)
    : { ...plainBase(site, req), organisation: { name: '', noticeHref: '/', contact: '' } };
  sendPage(site, res, 'unsubscribed', {
    ...base,
    list: { name: '' },
    left: null,
    undo: null,
    stopAllAction: inLanguage(site, req, `/u/${param(req, 'token')}/stop`),
  });
}

async function find(site: Site, req: Request): Promise<Found | null> {
  const link = openLink(site.ctx.keyring, site.ctx.audiences, 'u', param(req, 'token'), site.ctx.now());
  const person = await consentByRef(site.ctx, 'unsubscribe_ref', link.ref);
  // Somebody whose row is not as we wrote it leaves all the same (T6).
  return person && (person.address !== null || !person.isOurs)
    ? { person, list: await listById(site.ctx, person.listId) }
    : null;
}

function isOneClick(req: Request): boolean {
  const body: unknown = req.body;
  return (
    Buffer.isBuffer(body) &&
    /List-Unsubscribe/i.test(body.toString('latin1')) &&
    /One-Click/i.test(body.toString('latin1'))
  );
}

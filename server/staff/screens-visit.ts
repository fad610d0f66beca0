import type { Request, RequestHandler, Response } from 'express';
import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { cookieOf, setCookie } from '../preferences/cookies.js';
import { formToken } from '../preferences/session.js';
import { fieldsOf, handle, languageOf, type Site } from '../web/http.js';
import { chooseLanguage, languageLinks } from '../web/i18n.js';
import { staffOfSession } from './auth.js';
import type { StaffScreen } from './views.js';
import type { StaffMember } from './staff.js';

/** A request of somebody who is logged in. */
export interface Visit {
  readonly ctx: Context;
  readonly req: Request;
  readonly res: Response;
  readonly staff: StaffMember;
  readonly screen: StaffScreen;
}

export type Place = keyof StaffScreen['here'] | null;

const COOKIE = 'staff';
const LANGUAGE_COOKIE = 'language';
const YEAR_MS = 365 * 86_400_000;

const visitors = new WeakMap<Request, { staff: StaffMember; secret: string }>();

/** Lets only staff pass. Whoever is not logged in is led to the login, and back. */
export function onlyStaff(site: Site): RequestHandler {
  return (req, res, next) => {
    const secret = staffCookie(site, req);
    staffOfSession(site.ctx, secret).then((staff) => {
      if (staff && secret) {
        visitors.set(req, { staff, secret });
        next();
      } else res.redirect(303, `/admin/login?next=${encodeURIComponent(req.method === 'GET' ? req.path : '/admin')}`);
    }, next);
  };
}

/** Runs a screen for staff. Comes after `onlyStaff`. */
export function visited(site: Site, place: Place, show: (visit: Visit) => Promise<void>): RequestHandler {
  return handle(async (req, res) => show(await visitOf(site, place, req, res)));
}

/** Runs what anybody with a login may ask for, once the form's token is right. Comes after `onlyStaff` and the reading of the form. */
export function asked(site: Site, place: Place, answer: (visit: Visit) => Promise<void>): RequestHandler {
  return handle(async (req, res) => {
    const visit = await visitOf(site, place, req, res);
    if (fieldsOf(req)['csrf'] !== visit.screen.csrf) throw new Refusal('ticket-invalid', 'The form is not ours.');
    await answer(visit);
  });
}

/** As `asked`, for a change that only marketers and owners may make. */
export function changed(site: Site, place: Place, change: (visit: Visit) => Promise<void>): RequestHandler {
  return asked(site, place, onlyMarketers(change));
}

/** Keeps a screen from viewers. */
export function onlyMarketers(show: (visit: Visit) => Promise<void>): (visit: Visit) => Promise<void> {
  return async (visit) => {
    if (!visit.screen.staff?.isMarketer) throw new Refusal('not-allowed', 'Your login may look, not send.');
    await show(visit);
  };
}

/** Keeps a screen from all but owners. */
export function onlyOwners(show: (visit: Visit) => Promise<void>): (visit: Visit) => Promise<void> {
  return async (visit) => {
    if (visit.staff.role !== 'owner') throw new Refusal('not-allowed', 'Only an owner may do this.');
    await show(visit);
  };
}

/** What every screen needs, before and after the login. */
export async function screenOf(
  site: Site,
  req: Request,
  res: Response,
  place: Place,
  visitor: { staff: StaffMember; secret: string } | null,
): Promise<StaffScreen> {
  const language = staffLanguage(site, req, res);
  const { organisations } = await catalogue(site.ctx);
  return {
    language,
    zone: organisations[0]?.timeZone ?? 'UTC',
    languages: languageLinks(
      site.languages,
      language,
      (code) => `${req.method === 'GET' ? req.path : '/admin'}?lang=${code}`,
    ),
    organisation: null,
    tourHref: site.hasMailbox ? `/?lang=${language}` : null,
    staff: visitor && {
      address: visitor.staff.address,
      role: visitor.staff.role,
      isMarketer: visitor.staff.role !== 'viewer',
    },
    csrf: visitor ? formToken(site.ctx, visitor.secret) : '',
    here: {
      campaigns: place === 'campaigns',
      people: place === 'people',
      upload: place === 'upload',
      preview: place === 'preview',
      gateway: place === 'gateway',
      sending: place === 'sending',
      templates: place === 'templates',
    },
  };
}

/** The session's secret that a browser sent. */
export function staffCookie(site: Site, req: Request): string | undefined {
  return cookieOf(site.ctx, req, COOKIE);
}

async function visitOf(site: Site, place: Place, req: Request, res: Response): Promise<Visit> {
  const visitor = visitors.get(req);
  if (!visitor) throw new Error('a staff screen was reached past onlyStaff');
  return { ctx: site.ctx, req, res, staff: visitor.staff, screen: await screenOf(site, req, res, place, visitor) };
}

// Asked for once by ?lang=, a language stays: staff walk through many screens.
function staffLanguage(site: Site, req: Request, res: Response): string {
  const asked = typeof req.query['lang'] === 'string' ? req.query['lang'] : undefined;
  if (asked !== undefined && site.languages.includes(asked) && !res.headersSent) {
    setCookie(site.ctx, res, LANGUAGE_COOKIE, asked, YEAR_MS);
    return asked;
  }
  const kept = cookieOf(site.ctx, req, LANGUAGE_COOKIE);
  return kept === undefined ? languageOf(site, req) : chooseLanguage({ path: kept }, site.languages);
}

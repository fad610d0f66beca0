import { Router, type Request, type Response } from 'express';
import { Refusal, type RefusalCode } from '../errors.js';
import { loginLimit } from '../web/limits.js';
import { clearCookie, setCookie } from '../preferences/cookies.js';
import { closeSession } from '../preferences/session.js';
import { fieldsOf, handle, onlyMethods, param, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { logIn, staffOfSession, STAFF_SESSION_MS } from './auth.js';
import { checkFirstRun, createOwner } from './first-run.js';
import { MIN_PASSWORD } from './passwords.js';
import { hasStaff } from './staff.js';
import type { FirstRunScreen, MessageScreen } from './views.js';
import { screenOf, staffCookie } from './screens-visit.js';

/** Login, logout and the first run (T10). */
export function loginRoutes(site: Site): Router {
  const limit = loginLimit(site.ctx);
  const routes = Router();
  routes
    .route('/admin/login')
    .get(handle(async (req, res) => showLogin(site, req, res, '', false)))
    .post(
      limit,
      sameOrigin(site),
      readForm,
      handle(async (req, res) => login(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/admin/logout')
    .post(
      sameOrigin(site),
      handle(async (req, res) => logout(site, req, res)),
    )
    .all(onlyMethods('POST'));
  routes
    .route('/admin/first-run/:secret')
    .get(handle(async (req, res) => showFirstRun(site, req, res)))
    .post(
      limit,
      sameOrigin(site),
      readForm,
      handle(async (req, res) => firstRun(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

/** Shows what happened on a page of its own. */
export async function showMessage(
  site: Site,
  req: Request,
  res: Response,
  kind: MessageScreen['kind'],
  status: number,
): Promise<void> {
  const staff = await staffOfSession(site.ctx, staffCookie(site, req));
  const secret = staffCookie(site, req) ?? '';
  const screen = await screenOf(site, req, res, null, staff && { staff, secret });
  sendPage(site, res, 'admin/message', { ...screen, kind, href: '/admin' }, status);
}

async function showLogin(site: Site, req: Request, res: Response, email: string, wrong: boolean): Promise<void> {
  const asked = wrong ? fieldsOf(req)['next'] : req.query['next'];
  const screen = await screenOf(site, req, res, null, null);
  const isFirst = !(await hasStaff(site.ctx.db));
  sendPage(site, res, 'admin/login', { ...screen, isFirst, email, wrong, next: safePath(asked) }, wrong ? 401 : 200);
}

async function login(site: Site, req: Request, res: Response): Promise<void> {
  const { email = '', password = '', next } = fieldsOf(req);
  try {
    const secret = await logIn(site.ctx, { email: email.slice(0, 320), password });
    setCookie(site.ctx, res, 'staff', secret, STAFF_SESSION_MS);
    res.redirect(303, safePath(next));
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'login-failed') throw error;
    await showLogin(site, req, res, email.slice(0, 320), true);
  }
}

async function logout(site: Site, req: Request, res: Response): Promise<void> {
  await closeSession(site.ctx, staffCookie(site, req));
  clearCookie(site.ctx, res, 'staff');
  res.redirect(303, '/admin/login');
}

async function showFirstRun(site: Site, req: Request, res: Response): Promise<void> {
  await withLink(site, req, res, async () => {
    await checkFirstRun(site.ctx, param(req, 'secret'));
    sendPage(site, res, 'admin/first-run', await firstRunScreen(site, req, res, '', null));
  });
}

async function firstRun(site: Site, req: Request, res: Response): Promise<void> {
  const { email = '', password = '' } = fieldsOf(req);
  await withLink(site, req, res, async () => {
    try {
      await createOwner(site.ctx, param(req, 'secret'), { email: email.slice(0, 1000), password });
    } catch (error) {
      const code = error instanceof Refusal ? error.code : null;
      if (code !== 'address-invalid' && code !== 'body-invalid') throw error;
      const errors = { email: code === 'address-invalid', password: code === 'body-invalid' };
      sendPage(site, res, 'admin/first-run', await firstRunScreen(site, req, res, email.slice(0, 320), errors), 422);
      return;
    }
    setCookie(site.ctx, res, 'staff', await logIn(site.ctx, { email, password }), STAFF_SESSION_MS);
    res.redirect(303, '/admin');
  });
}

async function firstRunScreen(
  site: Site,
  req: Request,
  res: Response,
  email: string,
  errors: FirstRunScreen['errors'],
): Promise<FirstRunScreen> {
  const screen = await screenOf(site, req, res, null, null);
  const action = `/admin/first-run/${param(req, 'secret')}`;
  return { ...screen, languages: errors ? [] : screen.languages, action, email, errors, shortest: MIN_PASSWORD };
}

const LINK_MESSAGES: Partial<Record<RefusalCode, [MessageScreen['kind'], number]>> = {
  'link-used': ['first-run-over', 410],
  'link-expired': ['first-run-expired', 410],
  'link-damaged': ['first-run-damaged', 404],
};

async function withLink(site: Site, req: Request, res: Response, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Refusal ? LINK_MESSAGES[error.code] : undefined;
    if (!message) throw error;
    await showMessage(site, req, res, ...message);
  }
}

// Only our own screens: a login must not lead elsewhere.
function safePath(path: unknown): string {
  return typeof path === 'string' && /^\/admin(?:\/[\w-]+){0,4}$/.test(path) ? path : '/admin';
}

import { Router } from 'express';
import { catalogue } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { addCredential, type Author } from '../gateway/add-credential.js';
import { credentialNamed, credentialsOf, withoutSecret, type Credential } from '../gateway/credential.js';
import { revokeCredential } from '../gateway/revoke-credential.js';
import { fieldsOf, onlyMethods, param, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { readWanted } from './credential-form.js';
import { credentialRow, credentialScreen, newCredentialScreen } from './credential-view.js';
import type { CredentialAct } from './gateway-views.js';
import { changed, onlyMarketers, onlyStaff, visited, type Visit } from './screens-visit.js';
import { staffById, type StaffMember } from './staff.js';

/** With what other programs log in at the gateway: all look, marketers make and revoke, owners those for transactional mail too. */
export function credentialRoutes(site: Site): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  const post = [sameOrigin(site), staff, ...readForm];
  const at = '/admin/gateway/credentials';
  const see = (show: (visit: Visit) => Promise<void>) => [staff, visited(site, 'gateway', show)];
  const act = (change: (visit: Visit) => Promise<void>) => [...post, changed(site, 'gateway', change)];
  const methods = onlyMethods('GET', 'HEAD', 'POST');
  routes
    .route('/admin/gateway/credentials')
    .get(see(async (visit) => showAll(site, visit)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/admin/gateway/credentials/new')
    .get(see(onlyMarketers(async (visit) => showNew(site, visit))))
    .post(act(async (visit) => make(site, visit)))
    .all(methods);
  routes
    .route('/admin/gateway/credentials/:user')
    .get(see(async (visit) => showOne(site, visit)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/admin/gateway/credentials/:user/revoke')
    .get(see(onlyMarketers(async (visit) => askToRevoke(site, visit, at))))
    .post(act(async (visit) => revoke(site, visit, at)))
    .all(methods);
  return routes;
}

async function showAll(site: Site, { res, screen }: Visit): Promise<void> {
  const known = await catalogue(site.ctx);
  const credentials = await credentialsOf(site.ctx, null);
  sendPage(site, res, 'admin/credentials', {
    ...screen,
    count: credentials.length,
    credentials: credentials.map((one) => credentialRow(known, one, screen.language)),
  });
}

async function showNew(site: Site, visit: Visit): Promise<void> {
  sendPage(site, visit.res, 'admin/credential-new', newCredentialScreen(await catalogue(site.ctx), visit, {}, []));
}

// The answer is the page itself: the password is kept nowhere, so no other page could show it.
async function make(site: Site, visit: Visit): Promise<void> {
  const known = await catalogue(site.ctx);
  const fields = fieldsOf(visit.req);
  const { wanted, errors } = readWanted(known, fields);
  if (errors.length > 0) {
    const page = newCredentialScreen(known, visit, fields, errors);
    sendPage(site, visit.res, 'admin/credential-new', page, 422);
    return;
  }
  const { password, ...credential } = await addCredential(site.ctx, { ...wanted, by: authorOf(visit.staff) });
  await showCredential(site, visit, credential, password);
}

async function showOne(site: Site, visit: Visit): Promise<void> {
  await showCredential(site, visit, await load(site, visit), null);
}

async function showCredential(site: Site, visit: Visit, one: Credential, password: string | null): Promise<void> {
  const known = await catalogue(site.ctx);
  const made = await actBy(site, one.madeBy, one.createdAt);
  const revoked = one.revokedAt && (await actBy(site, one.revokedBy ?? '', one.revokedAt));
  const page = credentialScreen(site.ctx, known, visit, { one, made, revoked, password });
  sendPage(site, visit.res, 'admin/credential', page);
}

/** `who` is `operator`, or `staff:` and an id. */
async function actBy(site: Site, who: string, at: Date): Promise<CredentialAct> {
  const id = /^staff:(.+)$/.exec(who)?.[1];
  const address = id === undefined ? '' : ((await staffById(site.ctx, id))?.address ?? '');
  return { at, address, by: address !== '' ? null : who === 'operator' ? 'operator' : 'gone' };
}

async function askToRevoke(site: Site, visit: Visit, at: string): Promise<void> {
  const one = await load(site, visit);
  if (one.revokedAt !== null) {
    visit.res.redirect(303, `${at}/${one.userName}`);
    return;
  }
  const credential = credentialRow(await catalogue(site.ctx), one, visit.screen.language);
  sendPage(site, visit.res, 'admin/credential-revoke', { ...visit.screen, credential });
}

async function revoke(site: Site, visit: Visit, at: string): Promise<void> {
  const { userName } = await revokeCredential(site.ctx, {
    userName: param(visit.req, 'user'),
    by: authorOf(visit.staff),
  });
  visit.res.redirect(303, `${at}/${userName}?revoked`);
}

async function load(site: Site, { req }: Visit): Promise<Credential> {
  const row = await credentialNamed(site.ctx, site.ctx.db, param(req, 'user'));
  if (!row) throw new Refusal('not-found', 'There is no such credential.');
  return withoutSecret(row);
}

function authorOf({ id, role }: StaffMember): Author {
  return { who: `staff:${id}`, isOwner: role === 'owner' };
}

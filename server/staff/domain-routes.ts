import { Router } from 'express';
import { catalogue, type OrganisationFacts } from '../consent/catalogue.js';
import { addDomain, removeDomain } from '../delivery/change-domains.js';
import { checkDomains } from '../delivery/check-domains.js';
import { makeLookup } from '../delivery/dns.js';
import { allDomains, type SendingDomain } from '../delivery/sending-domains.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { asked, onlyOwners, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Shows the screen of sending again, with what is wrong with a domain that was typed. */
export type ShowSending = (
  visit: Visit,
  told: { readonly wrong?: 'domain'; readonly typed?: string; readonly organisation?: string },
) => Promise<void>;

/** Further domains of an organisation, as `zgoda domain` has them: owners add, check and remove. */
export function domainRoutes(site: Site, show: ShowSending): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  const act = (change: (visit: Visit) => Promise<void>) => [
    ...[sameOrigin(site), staff, ...readForm],
    asked(site, 'sending', onlyOwners(change)),
  ];
  routes
    .route('/admin/sending/add')
    .post(act(async (visit) => add(site, visit, show)))
    .all(onlyMethods('POST'));
  routes
    .route('/admin/sending/check')
    .post(act(async (visit) => check(site, visit)))
    .all(onlyMethods('POST'));
  routes
    .route('/admin/sending/remove')
    .get(
      staff,
      visited(
        site,
        'sending',
        onlyOwners(async (visit) => askToRemove(site, visit)),
      ),
    )
    .post(act(async (visit) => remove(site, visit)))
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

async function add(site: Site, visit: Visit, show: ShowSending): Promise<void> {
  const { organisation: slug = '', domain = '' } = fieldsOf(visit.req);
  try {
    await addDomain(site.ctx, await organisationNamed(site, slug), domain.slice(0, 300));
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'body-invalid') throw error;
    await show(visit, { wrong: 'domain', typed: domain.slice(0, 300), organisation: slug });
    return;
  }
  visit.res.redirect(303, '/admin/sending');
}

async function check({ ctx, ...site }: Site, { req, res }: Visit): Promise<void> {
  const organisation = await organisationNamed({ ctx, ...site }, fieldsOf(req)['organisation']);
  await checkDomains(ctx, organisation, makeLookup(ctx.config.dnsServer));
  res.redirect(303, '/admin/sending?checked');
}

async function askToRemove(site: Site, { req, res, screen }: Visit): Promise<void> {
  const { organisation: slug, domain } = req.query;
  const organisation = await organisationNamed(site, slug);
  const { domain: name } = await furtherDomain(site, organisation, domain);
  sendPage(site, res, 'admin/domain-remove', {
    ...screen,
    ...{ domain: name, slug: organisation.slug, organisationName: organisation.name },
  });
}

async function remove(site: Site, { req, res }: Visit): Promise<void> {
  const { organisation: slug, domain } = fieldsOf(req);
  const organisation = await organisationNamed(site, slug);
  await removeDomain(site.ctx, organisation, (await furtherDomain(site, organisation, domain)).domain);
  res.redirect(303, '/admin/sending');
}

async function organisationNamed({ ctx }: Site, slug: unknown): Promise<OrganisationFacts> {
  const found = (await catalogue(ctx)).organisations.find((one) => one.isOurs && one.slug === slug);
  if (!found) throw new Refusal('not-found', 'There is no such organisation.');
  return found;
}

async function furtherDomain({ ctx }: Site, organisation: OrganisationFacts, name: unknown): Promise<SendingDomain> {
  const found = (await allDomains(ctx, organisation)).find(({ domain, isFurther }) => isFurther && domain === name);
  if (!found) throw new Refusal('not-found', 'There is no such domain.');
  return found;
}

import { Router, type Request, type Response } from 'express';
import { authorityOf } from '../consent/authority.js';
import { catalogue, textOf } from '../consent/catalogue.js';
import { PROOF_YEARS, PURGE_DAYS } from '../consent/periods.js';
import { Refusal } from '../errors.js';
import { translate } from '../web/i18n.js';
import { handle, languageOf, onlyMethods, organisationBase, param, sendPage, type Site } from '../web/http.js';

/** The notice that every page and mail links to (GDPR Art. 13, 14). */
export function privacyRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/privacy/:organisation')
    .get(handle(async (req, res) => show(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}

async function show(site: Site, req: Request, res: Response): Promise<void> {
  const { organisations, lists, tracking } = await catalogue(site.ctx);
  const organisation = organisations.find((one) => one.slug === param(req, 'organisation'));
  if (!organisation) throw new Refusal('not-found', 'There is no such organisation.');
  const language = languageOf(site, req);
  const ours = [...lists, ...tracking].filter((list) => list.organisation.id === organisation.id);
  const notices = ours[0]?.notices ?? [];
  const notice =
    notices.find((one) => one.language === language) ?? notices.find((one) => one.language === organisation.language);
  sendPage(site, res, 'privacy', {
    ...organisationBase(site, req, language, organisation),
    controller: {
      legalName: organisation.legalName,
      postalAddress: organisation.postalAddress,
      contact: organisation.privacyContact,
      officer: organisation.officer,
    },
    purposes: ours.map((list) => {
      const text = textOf(list, language);
      const retention = text.retention || translate(site.catalogs, language, 'list.duration');
      return {
        name: text.name,
        about: text.about,
        basis: translate(site.catalogs, language, 'privacy.basis'),
        retention,
      };
    }),
    recipients: [
      ...new Set(ours.map((list) => textOf(list, language).sharedWith).filter((text) => text !== '')),
      ...organisation.recipients,
    ],
    storage: organisation.storageLocations,
    transfers: organisation.transfers,
    unconfirmedDays: PURGE_DAYS,
    proofYears: PROOF_YEARS,
    authority: authorityOf(organisation.jurisdiction),
    sections: notice ? [{ heading: organisation.name, paragraphs: notice.body.split(/\n{2,}/) }] : [],
    version: notice ? String(notice.version) : '1',
    validFrom: notice?.createdAt ?? organisation.createdAt,
  });
}

import { Router, type Request, type Response } from 'express';
import { catalogue, textOf } from '../consent/catalogue.js';
import { PURGE_DAYS } from '../consent/subscribe.js';
import { Refusal } from '../errors.js';
import { PROOF_YEARS } from '../rights/proof-date.js';
import { translate } from '../web/i18n.js';
import { handle, languageOf, onlyMethods, organisationBase, param, sendPage, type Site } from '../web/http.js';

/** Supervisory authorities by jurisdiction (GDPR Art. 77): those of the languages that we speak, and the Union's list for all others. */
const AUTHORITIES: Record<string, { name: string; href: string }> = {
  PL: { name: 'Prezes Urzędu Ochrony Danych Osobowych (UODO)', href: 'https://uodo.gov.pl/' },
  IE: { name: 'Data Protection Commission', href: 'https://www.dataprotection.ie/' },
  GB: { name: "Information Commissioner's Office", href: 'https://ico.org.uk/' },
};
const ANY_AUTHORITY = {
  name: 'European Data Protection Board: members',
  href: 'https://www.edpb.europa.eu/about-edpb/about-edpb/members_en',
};

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
  const { organisations, lists } = await catalogue(site.ctx);
  const organisation = organisations.find((one) => one.slug === param(req, 'organisation'));
  if (!organisation) throw new Refusal('not-found', 'There is no such organisation.');
  const language = languageOf(site, req);
  const ours = lists.filter((list) => list.organisation.id === organisation.id);
  const notices = ours[0]?.notices ?? [];
  const notice =
    notices.find((one) => one.language === language) ?? notices.find((one) => one.language === organisation.language);
  sendPage(site, res, 'privacy', {
    ...organisationBase(site, req, language, organisation),
    controller: {
      legalName: organisation.legalName,
      postalAddress: organisation.postalAddress,
      contact: organisation.privacyContact,
      officer: null,
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
    recipients: [...new Set(ours.map((list) => textOf(list, language).sharedWith).filter((text) => text !== ''))],
    unconfirmedDays: PURGE_DAYS,
    proofYears: PROOF_YEARS,
    authority: AUTHORITIES[organisation.jurisdiction] ?? ANY_AUTHORITY,
    sections: notice ? [{ heading: organisation.name, paragraphs: notice.body.split(/\n{2,}/) }] : [],
    version: notice ? String(notice.version) : '1',
    validFrom: notice?.createdAt ?? organisation.createdAt,
  });
}

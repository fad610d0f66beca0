import { Router, type Request, type Response } from 'express';
import { catalogue, languagesOf, listBySlug, textOf, type OrganisationFacts } from '../consent/catalogue.js';
import { isFromHere } from '../mailbox/routes.js';
import type { Mailbox } from '../mailbox/store.js';
import {
  handle,
  languageOf,
  masked,
  onlyMethods,
  organisationBase,
  plainBase,
  sendPage,
  type Site,
} from '../web/http.js';
import { DEMO } from './demo.js';
import { findMails } from './mails.js';
import { makeSteps } from './steps.js';
import { hasStaff, readLog, readStory } from './story.js';

/** The page at `/`: the tour for somebody who sits at the machine of a demo, a quiet page for everybody else (T10). */
export function tourRoutes(site: Site, mailbox: Mailbox | null): Router {
  const routes = Router();
  routes
    .route('/')
    .get(
      handle(async (req, res) => {
        const { organisations } = await catalogue(site.ctx);
        const demo = organisations.find((one) => one.slug === DEMO.organisation.slug);
        if (demo && !site.ctx.config.production && isFromHere(req)) await showTour(site, mailbox, req, res, demo);
        else await showHome(site, req, res);
      }),
    )
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}

async function showHome(site: Site, req: Request, res: Response): Promise<void> {
  const { lists } = await catalogue(site.ctx);
  const base = plainBase(site, req);
  const { language } = base;
  sendPage(site, res, 'home', {
    ...base,
    preferencesHref: `/preferences?lang=${language}`,
    logHref: site.ctx.config.logMode === 'public' ? `/log?lang=${language}` : null,
    lists: lists
      .filter((list) => languagesOf(list).length > 0)
      .map((list) => ({
        name: textOf(list, language).name,
        frequency: textOf(list, language).frequency,
        sender: list.organisation.name,
        href: `/lists/${list.slug}?lang=${language}`,
      })),
  });
}

async function showTour(
  site: Site,
  mailbox: Mailbox | null,
  req: Request,
  res: Response,
  demo: OrganisationFacts,
): Promise<void> {
  const { ctx } = site;
  const language = languageOf(site, req);
  const [story, log, staff, first] = await Promise.all([
    readStory(ctx, demo),
    readLog(ctx),
    hasStaff(ctx),
    listBySlug(ctx, DEMO.lists[0]?.slug ?? ''),
  ]);
  const shown = site.hasMailbox ? mailbox : null;
  const mails = story && shown ? await findMails(shown, story) : { first: null, newsletter: null };
  const steps = makeSteps({
    ...{ story, mails, log, language },
    hasStaff: staff,
    hasMailbox: shown !== null,
    now: ctx.now(),
    listSlug: first.slug,
  });
  const next = steps.find((step) => step.state === 'next');
  sendPage(site, res, 'tour', {
    ...organisationBase(site, req, language, demo),
    lookAgainHref: `/?lang=${language}`,
    mailboxHref: shown ? `/mailbox?lang=${language}` : null,
    list: textOf(story?.list ?? first, language),
    hero: story && { masked: story.address === null ? null : masked(story.address) },
    now: next ? { number: next.number, id: next.id } : null,
    steps,
  });
}

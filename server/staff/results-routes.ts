import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Router } from 'express';
import { resultsCsv } from '../campaigns/results-file.js';
import { chooseTracking } from '../campaigns/tracking.js';
import { Refusal } from '../errors.js';
import { blindIndex } from '../keys/blind-index.js';
import { tryAddress } from '../mail/address.js';
import { fieldsOf, onlyMethods, readForm, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { noteLook } from './access-log.js';
import { changeSeen } from './changed-view.js';
import { noteExport } from './export-log.js';
import { makePersonRef, openPersonRef } from './person-ref.js';
import { asked, changed, onlyStaff, visited, type Visit } from './screens-visit.js';
import { filterIn, loadResults, showResults, type Opened } from './results-view.js';

/** What became of a campaign: who got it, who did not and why, on a page and as a file. */
export function resultsRoutes(site: Site): Router {
  const routes = Router();
  const post = [sameOrigin(site), onlyStaff(site), ...readForm];
  routes
    .route('/admin/campaigns/:id/results')
    .get(
      onlyStaff(site),
      visited(site, 'campaigns', async (visit) => show(site, visit)),
    )
    .post(
      post,
      asked(site, 'campaigns', async (visit) => search(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/admin/campaigns/:id/results/tracking')
    .post(
      post,
      changed(site, 'campaigns', async (visit) => track(site, visit)),
    )
    .all(onlyMethods('POST'));
  routes
    .route('/admin/campaigns/:id/results.csv')
    .get(
      onlyStaff(site),
      visited(site, 'campaigns', async (visit) => sendCsv(site, visit, await loadResults(site, visit), true)),
    )
    .post(
      post,
      changed(site, 'campaigns', async (visit) => sendWhole(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

async function track(site: Site, visit: Visit): Promise<void> {
  const { campaign } = await loadResults(site, visit);
  const asked = fieldsOf(visit.req)['tracking'];
  const tracking = (['off', 'aggregate', 'agreed'] as const).find((one) => one === asked);
  const isChosen =
    !tracking ||
    (await changeSeen(site, visit, { part: 'tracking', tracking }, async (seen) =>
      chooseTracking(site.ctx, campaign.id, tracking, seen),
    ));
  if (isChosen) visit.res.redirect(303, `/admin/campaigns/${campaign.id}/results`);
}

async function show(site: Site, visit: Visit): Promise<void> {
  const opened = await loadResults(site, visit);
  const { person } = visit.req.query;
  const searched =
    typeof person === 'string' ? openPersonRef(site.ctx, visit.staff.id, person).subscriberId : undefined;
  await showResults(site, visit, opened, { searched });
}

// As on the screen for people: the address comes in a form and leaves sealed, and the search is written down.
async function search(site: Site, visit: Visit): Promise<void> {
  const { ctx } = site;
  const opened = await loadResults(site, visit);
  const { email = '' } = fieldsOf(visit.req);
  const address = tryAddress(email);
  if (!address) return showResults(site, visit, opened, { email: email.slice(0, 320), wrong: 'address' });
  const organisationId = opened.list.organisation.id;
  const [found] = await ctx.db.query<{ id: string }>(
    'select id from subscriber where organisation_id = $1 and blind_index = $2',
    [organisationId, blindIndex(ctx.keyring, organisationId, address.normal)],
  );
  const subscriberId = found?.id ?? null;
  await noteLook(ctx, { staffId: visit.staff.id, subscriberId, what: 'search' });
  const ref = makePersonRef(ctx, visit.staff.id, { organisationId, subscriberId, address: null });
  visit.res.redirect(303, `/admin/campaigns/${opened.campaign.id}/results?person=${ref}#people`);
}

const REASON = { least: 5, most: 500 };

async function sendWhole(site: Site, visit: Visit): Promise<void> {
  const opened = await loadResults(site, visit);
  const { reason = '' } = fieldsOf(visit.req);
  if (reason.trim().length < REASON.least || reason.length > REASON.most)
    return showResults(site, visit, opened, { reason: reason.slice(0, REASON.most), wrong: 'reason' });
  await noteExport(site.ctx, {
    ...{ staffId: visit.staff.id, campaignId: opened.campaign.id, reason: reason.trim() },
  });
  return sendCsv(site, visit, opened, false);
}

async function sendCsv(site: Site, { req, res }: Visit, { campaign }: Opened, isMasked: boolean): Promise<void> {
  res.setHeader('Content-Type', 'text/csv; charset=utf-8; header=present');
  res.setHeader('Content-Disposition', `attachment; filename="results-${campaign.id.slice(0, 8)}.csv"`);
  if (req.method === 'HEAD') {
    res.end();
    return;
  }
  try {
    await pipeline(Readable.from(resultsCsv(site.ctx, campaign.id, filterIn(req), isMasked)), res);
  } catch (error) {
    // Whoever took it went away. A file that ends early for another reason must not look whole: the connection is cut.
    if (!res.destroyed) res.destroy();
    if (error instanceof Refusal) site.ctx.logger.warn({ err: error }, 'a file of results was not sent whole');
    else if (!isGone(error)) site.ctx.logger.error({ err: error }, 'a file of results was not sent whole');
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

import { Router } from 'express';
import { deleteSegment, renameSegment, segmentsOf } from '../campaigns/segments.js';
import { catalogue, textOf } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, param, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { filterInWords } from './audience-part.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';

/** The segments of all lists: renamed and deleted here, made where an audience is chosen. */
export function segmentRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/admin/segments')
    .get(
      onlyStaff(site),
      visited(site, 'campaigns', async (visit) => show(site, visit, null)),
    )
    .all(onlyMethods('GET', 'HEAD'));
  const post = (path: string, change: (visit: Visit) => Promise<void>): void => {
    routes
      .route(path)
      .post(sameOrigin(site), onlyStaff(site), ...readForm, changed(site, 'campaigns', change))
      .all(onlyMethods('POST'));
  };
  post('/admin/segments/:id/rename', async (visit) => rename(site, visit));
  post('/admin/segments/:id/delete', async ({ req, res }) => {
    await deleteSegment(site.ctx, param(req, 'id'));
    res.redirect(303, '/admin/segments');
  });
  return routes;
}

async function rename(site: Site, visit: Visit): Promise<void> {
  const id = param(visit.req, 'id');
  try {
    await renameSegment(site.ctx, id, fieldsOf(visit.req)['name'] ?? '');
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'body-invalid') throw error;
    return show(site, visit, id);
  }
  visit.res.redirect(303, '/admin/segments');
}

async function show(site: Site, { res, screen }: Visit, wrong: string | null): Promise<void> {
  const [segments, { lists }] = await Promise.all([segmentsOf(site.ctx, null), catalogue(site.ctx)]);
  const page = {
    ...screen,
    lists: lists
      .map((list) => ({
        name: textOf(list, screen.language).name,
        segments: segments
          .filter(({ listId }) => listId === list.id)
          .map(({ id, name, filter }) => {
            return { id, name, says: filterInWords(list, filter, screen.language), isWrong: id === wrong };
          }),
      }))
      .filter((list) => list.segments.length > 0),
    isWrong: wrong !== null,
  };
  sendPage(site, res, 'admin/segments', page, wrong === null ? 200 : 422);
}

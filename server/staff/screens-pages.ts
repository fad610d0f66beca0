import type { Router } from 'express';
import { onlyMethods, readForm, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { changed, onlyStaff, visited, type Place, type Visit } from './screens-visit.js';

type Answer = (visit: Visit) => Promise<void>;

/** Adds pages of one place to routes: `get` shows one to staff, `post` takes a form that only marketers and owners may send. */
export function pagesOf(
  site: Site,
  routes: Router,
  place: Place,
): { get: (path: string, show: Answer) => void; post: (path: string, change: Answer) => void } {
  const staff = onlyStaff(site);
  return {
    get: (path, show) => {
      routes
        .route(path)
        .get(staff, visited(site, place, show))
        .all(onlyMethods('GET', 'HEAD'));
    },
    post: (path, change) => {
      routes
        .route(path)
        .post(sameOrigin(site), staff, ...readForm, changed(site, place, change))
        .all(onlyMethods('POST'));
    },
  };
}

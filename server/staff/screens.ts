import { Router, type ErrorRequestHandler } from 'express';
import { Refusal, type RefusalCode } from '../errors.js';
import type { Site } from '../web/http.js';
import { audienceRoutes } from './audience-routes.js';
import { campaignRoutes, type StaffDeps } from './campaign-routes.js';
import { credentialRoutes } from './credential-routes.js';
import { gatewayRoutes } from './gateway-routes.js';
import { checkRoutes } from './check-routes.js';
import { releaseRoutes } from './release-routes.js';
import { templateRoutes } from './template-routes.js';
import { testRoutes } from './test-routes.js';
import { textRoutes } from './text-routes.js';
import { loginRoutes, showMessage } from './login-routes.js';
import type { MessageScreen } from './views.js';
import { sendingRoutes } from './sending-routes.js';
import { peopleRoutes } from './people-routes.js';
import { personRoutes } from './person-routes.js';
import { enterRoutes } from './enter-routes.js';
import { planRoutes } from './plan-routes.js';
import { previewRoutes } from './preview-routes.js';
import { segmentRoutes } from './segment-routes.js';
import { tagRoutes } from './tag-routes.js';
import { resultsRoutes } from './results-routes.js';
import { uploadRoutes } from './upload-routes.js';

/** All staff screens, below /admin. */
export function staffRoutes(site: Site, deps: StaffDeps): Router {
  const routes = Router();
  routes.use('/admin', (_req, res, next) => {
    // With no referrer at all, forms would be posted with the origin "null".
    res.setHeader('Referrer-Policy', 'same-origin');
    next();
  });
  routes.use(loginRoutes(site));
  routes.use(campaignRoutes(site, deps));
  routes.use(resultsRoutes(site));
  routes.use(planRoutes(site));
  routes.use(audienceRoutes(site));
  routes.use(segmentRoutes(site));
  routes.use(checkRoutes(site));
  routes.use(textRoutes(site));
  routes.use(testRoutes(site, deps));
  routes.use(releaseRoutes(site));
  routes.use(templateRoutes(site));
  routes.use(uploadRoutes(site));
  routes.use(tagRoutes(site));
  routes.use(previewRoutes(site));
  routes.use(gatewayRoutes(site, deps));
  routes.use(credentialRoutes(site));
  routes.use(sendingRoutes(site));
  routes.use(enterRoutes(site));
  routes.use(peopleRoutes(site));
  routes.use(personRoutes(site));
  routes.use('/admin', () => {
    throw new Refusal('not-found', 'There is no such page.');
  });
  routes.use('/admin', refusals(site));
  return routes;
}

const MESSAGES: Partial<Record<RefusalCode, [MessageScreen['kind'], number]>> = {
  'not-allowed': ['not-allowed', 403],
  'ticket-invalid': ['forged', 403],
  'campaign-state': ['campaign-state', 409],
  'not-found': ['not-found', 404],
  'link-expired': ['look-ended', 410],
  'link-damaged': ['look-ended', 404],
  'receipt-unknown': ['no-receipt', 404],
  'too-many': ['too-many', 429],
};

function messageOf({ code, facts }: Refusal): [MessageScreen['kind'], number] | undefined {
  return facts['why'] === 'second' ? ['second', 403] : MESSAGES[code];
}

/** Refusals that staff understand better in their own words; all others go to the one error handler. */
function refusals(site: Site): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    const message = error instanceof Refusal ? messageOf(error) : undefined;
    if (!message || res.headersSent) next(error);
    else showMessage(site, req, res, ...message).catch(next);
  };
}

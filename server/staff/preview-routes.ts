import { Router } from 'express';
import { basename } from 'node:path';
import { footerLanguage } from '../campaigns/prepare.js';
import { footerLanguages } from '../campaigns/words.js';
import { catalogue, textOf } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, sendPage, type Site } from '../web/http.js';
import { languageNames } from '../web/i18n.js';
import { sameOrigin } from '../web/origin.js';
import { previewMessage } from './preview-message.js';
import { resultPart } from './preview-view.js';
import type { PreviewScreen } from './preview-views.js';
import { fileForm } from './screens-file.js';
import { asked, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Messages and templates above this are not looked at, in bytes. */
export const MAX_PREVIEW_BYTES = 10_000_000;

const POLICIES = ['wrap', 'headers-only', 'refuse'] as const;

/** A message as it would leave: a plain form, whose answer is the page itself. Nothing is kept or sent, so any login may ask. */
export function previewRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/admin/preview')
    .get(
      onlyStaff(site),
      visited(site, 'preview', async (visit) => show(site, visit, {})),
    )
    .post(
      sameOrigin(site),
      onlyStaff(site),
      form.read,
      asked(site, 'preview', async (visit) => preview(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

const form = fileForm('file', MAX_PREVIEW_BYTES, MAX_PREVIEW_BYTES);

async function preview(site: Site, visit: Visit): Promise<void> {
  const { req, screen } = visit;
  if (form.isTooLarge(req)) return show(site, visit, { wrong: 'too-large' });
  const { mail = '', list, footer = '', policy } = fieldsOf(req);
  const bytes = req.file?.size ? req.file.buffer : Buffer.from(mail);
  if (bytes.length === 0) return show(site, visit, { wrong: 'no-mail' });
  if (bytes.length > MAX_PREVIEW_BYTES) return show(site, visit, { wrong: 'too-large' });
  const fileName = req.file?.size ? plainName(req.file.originalname) : '';
  const { lists } = await catalogue(site.ctx);
  const ours = lists.filter(({ organisation }) => organisation.isOurs);
  const on = ours.find(({ slug }) => slug === list) ?? ours[0];
  if (!on) throw new Refusal('list-unknown', 'There is no list whose footer could be shown.');
  const previewed = await previewMessage(site.ctx, {
    ...{ bytes, fileName, list: on },
    language: footerLanguage(on, footer === '' ? screen.language : footer),
    signed: POLICIES.find((one) => one === policy) ?? 'wrap',
  });
  return show(site, visit, { result: resultPart(previewed, fileName) });
}

async function show(
  site: Site,
  { req, res, screen }: Visit,
  outcome: Partial<Pick<PreviewScreen, 'wrong' | 'result'>>,
): Promise<void> {
  const { mail = '', list, footer = screen.language, policy = 'wrap', pictures } = fieldsOf(req);
  const { lists } = await catalogue(site.ctx);
  const { wrong = null, result = null } = outcome;
  if (result) res.setHeader('Content-Security-Policy', resultPolicy(pictures !== undefined));
  const page: PreviewScreen = {
    ...screen,
    lists: lists.map((one) => ({
      ...{ slug: one.slug, name: textOf(one, screen.language).name, isChosen: one.slug === list },
    })),
    footers: languageNames(footerLanguages()).map((one) => ({ ...one, isChosen: one.code === footer })),
    policies: POLICIES.map((name) => ({ name, isChosen: name === policy })),
    hasPictures: pictures !== undefined,
    mail: wrong === 'too-large' ? '' : mail,
    ...{ wrong, result },
  };
  sendPage(site, res, 'admin/preview', page, wrong ? 422 : 200);
}

/**
 * The mails on this page stand in frames without an address of their own, which take over the policy of the page: their styles may be inline. Styles
 * from elsewhere may not be loaded, and pictures only when that was wanted, so that none can tell anybody anything.
 */
function resultPolicy(hasPictures: boolean): string {
  return [
    ...["default-src 'none'", "style-src 'self' 'unsafe-inline'", "script-src 'self'"],
    `img-src 'self' data:${hasPictures ? ' https: http:' : ''}`,
    ...["connect-src 'self'", "frame-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"],
  ].join('; ');
}

function plainName(name: string): string {
  return basename(name.replaceAll('\\', '/'))
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .slice(-200);
}

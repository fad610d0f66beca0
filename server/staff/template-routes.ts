import { Router } from 'express';
import { hasOpenTags } from '../campaigns/accept-tags.js';
import { shownPictures, showPictures } from '../campaigns/content.js';
import { keptPictures } from '../campaigns/kept-pictures.js';
import { LIBRARY } from '../campaigns/library.js';
import { problemsOf, type Problem } from '../campaigns/problem.js';
import { MAX_SOURCE_BYTES } from '../campaigns/render.js';
import { previewOf } from '../campaigns/sample.js';
import { deleteTemplate, keptTemplate, keptTemplates, renameTemplate } from '../campaigns/templates.js';
import { createCampaign } from '../campaigns/upload.js';
import { catalogue, textOf } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, param, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { sendPreview } from './campaign-preview-view.js';
import { problemPart } from './refused-view.js';
import { fileForm } from './screens-file.js';
import { pagesOf } from './screens-pages.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';
import { allStaff } from './staff.js';
import { renderedOf, templateOf } from './template-source-view.js';

/** Templates to start from: those that come with Zgoda, and those that staff keep. */
export function templateRoutes(site: Site): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  const { get, post } = pagesOf(site, routes, 'templates');
  get('/admin/templates', async (visit) => showAll(site, visit));
  get('/admin/templates/:ref/preview', async (visit) => showPreview(site, visit));
  post('/admin/templates/:ref/name', async (visit) => rename(site, visit));
  post('/admin/templates/:ref/delete', async (visit) => remove(site, visit));
  post('/admin/templates/:ref/restore', async (visit) => restore(site, visit));
  routes
    .route('/admin/templates/:ref')
    .get(
      staff,
      visited(site, 'templates', async (visit) => showOne(site, visit, [])),
    )
    .post(
      sameOrigin(site),
      staff,
      form.read,
      changed(site, 'templates', async (visit) => start(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

/** The file stands in a field, where it can be changed first. */
const form = fileForm('file', 1, MAX_SOURCE_BYTES);

async function showAll(site: Site, visit: Visit): Promise<void> {
  const { req, res, screen } = visit;
  const [kept, everybody, { organisations }] = await Promise.all([
    keptTemplates(site.ctx),
    allStaff(site.ctx),
    catalogue(site.ctx),
  ]);
  const asked = req.query['deleted'];
  const gone = typeof asked === 'string' ? await keptTemplate(site.ctx, asked).catch(() => null) : null;
  sendPage(site, res, 'admin/templates', {
    ...screen,
    ours: LIBRARY.map((name) => ({
      ...{ name, href: `/admin/templates/${name}`, src: `/admin/templates/${name}/preview` },
    })),
    kept: kept.map(({ id, name, fileName, organisationId, madeBy, madeAt }) => ({
      ...{ name, fileName, at: madeAt, href: `/admin/templates/${id}` },
      organisation: organisations.find((one) => one.id === organisationId)?.name ?? '',
      by: everybody.find((one) => one.id === madeBy)?.address ?? '',
    })),
    deleted: gone?.deletedAt ? { name: gone.name, action: `/admin/templates/${gone.id}/restore` } : null,
  });
}

async function showOne(site: Site, visit: Visit, problems: readonly Problem[]): Promise<void> {
  const { req, res, screen } = visit;
  const ref = param(req, 'ref');
  const template = await templateOf(site, ref);
  const typed = problems.length > 0 ? fieldsOf(req) : {};
  sendPage(
    site,
    res,
    'admin/template',
    {
      ...screen,
      href: `/admin/templates/${ref}`,
      ours: template.key,
      name: template.name,
      src: `/admin/templates/${ref}/preview`,
      source: typed['source'] ?? template.source,
      subject: typed['subject'] ?? '',
      lists: template.lists.map((list) => ({
        slug: list.slug,
        name: textOf(list, screen.language).name,
        isChosen: list.slug === typed['list'],
      })),
      problems: problems.slice(0, 20).map(problemPart),
      isKept: template.key === null,
    },
    problems.length > 0 ? 422 : 200,
  );
}

async function start(site: Site, visit: Visit): Promise<void> {
  const { fileName, source } = await templateOf(site, param(visit.req, 'ref'));
  const fields = fieldsOf(visit.req);
  // A browser sends each line end as CRLF.
  const file = Buffer.from((fields['source'] ?? source).replace(/\r\n?/g, '\n'), 'utf8');
  try {
    const list = fields['list'] ?? '';
    const id = await createCampaign(site.ctx, {
      ...{ list, subject: fields['subject'] ?? '', fileName, source: file },
      ...{ tags: 'propose', isTemplate: true },
    });
    visit.res.redirect(303, `/admin/campaigns/${id}${(await hasOpenTags(site.ctx, id)) ? '/tags' : ''}`);
  } catch (error) {
    if (!(error instanceof Refusal) || !['template-refused', 'body-invalid'].includes(error.code)) throw error;
    await showOne(site, visit, problemsOf(error));
  }
}

async function showPreview(site: Site, { req, res, screen }: Visit): Promise<void> {
  const template = await templateOf(site, param(req, 'ref'));
  const { html, text, title } = await renderedOf(template);
  const [list] = template.lists;
  if (!list) throw new Refusal('not-found', 'There is no list yet.');
  const content = { id: NOBODY, subject: title, html, text, settings: {} };
  const preview = previewOf(site.ctx, list, content, { language: screen.language }).html;
  sendPreview(res, showPictures(preview, shownPictures({ pictures: await keptPictures(site.ctx.db, preview) })), {
    theme: req.query['theme'] === 'dark' ? 'dark' : 'light',
    hasPictures: false,
  });
}

/** In the place of the id of a campaign that there is not. */
const NOBODY = '00000000-0000-4000-8000-000000000000';

async function rename(site: Site, visit: Visit): Promise<void> {
  const { req, res } = visit;
  const ref = param(req, 'ref');
  try {
    await renameTemplate(site.ctx, ref, fieldsOf(req)['name'] ?? '');
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'template-refused') throw error;
    await showOne(site, visit, problemsOf(error));
    return;
  }
  res.redirect(303, `/admin/templates/${ref}`);
}

async function remove(site: Site, { req, res }: Visit): Promise<void> {
  const ref = param(req, 'ref');
  await deleteTemplate(site.ctx, ref, true);
  res.redirect(303, `/admin/templates?deleted=${ref}`);
}

async function restore(site: Site, { req, res }: Visit): Promise<void> {
  const ref = param(req, 'ref');
  await deleteTemplate(site.ctx, ref, false);
  res.redirect(303, `/admin/templates/${ref}`);
}

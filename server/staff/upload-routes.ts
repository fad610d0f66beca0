import { Router } from 'express';
import { hasOpenTags } from '../campaigns/accept-tags.js';
import { problemsOf, type Problem } from '../campaigns/problem.js';
import { MAX_UPLOAD_BYTES } from '../campaigns/format.js';
import { readPlacement } from '../campaigns/placement.js';
import { createCampaign } from '../campaigns/upload.js';
import { catalogue, textOf } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { problemPart } from './refused-view.js';
import type { UploadScreen } from './views.js';
import { fileForm } from './screens-file.js';
import { changed, onlyMarketers, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Uploading a campaign: a plain form, which scripts make a place to drop files on. */
export function uploadRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/admin/upload')
    .get(
      onlyStaff(site),
      visited(
        site,
        'upload',
        onlyMarketers(async (visit) => showUpload(site, visit, null, '')),
      ),
    )
    .post(
      sameOrigin(site),
      onlyStaff(site),
      form.read,
      changed(site, 'upload', async (visit) => upload(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

const form = fileForm('file', MAX_UPLOAD_BYTES);

async function upload(site: Site, visit: Visit): Promise<void> {
  const { req, res } = visit;
  const fields = fieldsOf(req);
  const { file } = req;
  const isTooLarge = form.isTooLarge(req);
  if (!file || isTooLarge) {
    const reason = isTooLarge ? 'zip-large' : 'no-file';
    await showUpload(site, visit, [{ line: null, reason, message: '' }], '');
    return;
  }
  try {
    const pictures = readPlacement(fields['pictures']);
    const preheader = fields['preheader']?.trim();
    const id = await createCampaign(site.ctx, {
      list: fields['list'] ?? '',
      subject: fields['subject'] ?? '',
      fileName: file.originalname,
      source: file.buffer,
      tags: 'propose',
      ...(pictures ? { pictures } : {}),
      ...(preheader ? { preheader } : {}),
    });
    const next = (await hasOpenTags(site.ctx, id)) ? '/tags' : '';
    res.redirect(303, `/admin/campaigns/${id}${next}`);
  } catch (error) {
    if (!(error instanceof Refusal) || !['template-refused', 'list-unknown', 'body-invalid'].includes(error.code)) {
      throw error;
    }
    await showUpload(site, visit, problemsOf(error), file.originalname.slice(-200));
  }
}

async function showUpload(
  site: Site,
  { req, res, screen }: Visit,
  problems: readonly Problem[] | null,
  fileName: string,
): Promise<void> {
  const fields = fieldsOf(req);
  const { lists } = await catalogue(site.ctx);
  const page: UploadScreen = {
    ...screen,
    lists: lists.map((list) => ({
      slug: list.slug,
      name: textOf(list, screen.language).name,
      isChosen: list.slug === fields['list'],
    })),
    subject: (fields['subject'] ?? '').slice(0, 400),
    preheader: (fields['preheader'] ?? '').slice(0, 500),
    pictures: (['auto', 'inlined', 'hosted'] as const).map((name) => ({
      ...{ name, isChosen: name === (readPlacement(fields['pictures']) ?? 'auto') },
    })),
    problems: problems && problems.slice(0, 20).map(problemPart),
    fileName,
  };
  sendPage(site, res, 'admin/upload', page, problems ? 422 : 200);
}

import { Router } from 'express';
import { inboxOf } from '../campaigns/check.js';
import { markOf } from '../campaigns/draft-mark.js';
import { ownPreheader } from '../campaigns/preheader.js';
import { problemsOf, type Problem } from '../campaigns/problem.js';
import { changeText, formerText, MAX_TEXT, type TextChange } from '../campaigns/text-part.js';
import { shownFrom } from '../campaigns/shown-from.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { campaignOf, campaignPart, footerAsked } from './campaign-view.js';
import { changeSeen } from './changed-view.js';
import { problemPart, type ProblemPart } from './refused-view.js';
import { fileForm } from './screens-file.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Subject and text part of a campaign, which a marketer writes by hand. */
export function textRoutes(site: Site): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  routes
    .route('/admin/campaigns/:id/text')
    .get(
      staff,
      visited(site, 'campaigns', async (visit) => show(site, visit, null)),
    )
    .post(
      sameOrigin(site),
      staff,
      form.read,
      changed(site, 'campaigns', async (visit) => save(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

/** A letter has at most four bytes. No file belongs to it: the form is only larger than others. */
const form = fileForm('file', 1, MAX_TEXT * 4);

async function save(site: Site, visit: Visit): Promise<void> {
  const { req, res } = visit;
  const { campaign } = await campaignOf(site, visit);
  const fields = fieldsOf(req);
  try {
    const text = changeOf(fields);
    const { subject = campaign.subject, preheader = ownPreheader(campaign.html) } = fields;
    const wanted = {
      ...{ part: 'words' as const, subject, preheader },
      text: campaign.message ? { text: campaign.text } : text,
    };
    const isSaved = await changeSeen(site, visit, wanted, async (seen) =>
      changeText(site.ctx, campaign.id, { text, subject: fields['subject'], preheader: fields['preheader'], seen }),
    );
    if (!isSaved) return;
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'template-refused') throw error;
    await show(site, visit, error);
    return;
  }
  res.redirect(303, `/admin/campaigns/${campaign.id}/text?saved=yes`);
}

function changeOf(fields: Readonly<Record<string, string>>): TextChange {
  const { how, text } = fields;
  return how === 'anew' || how === 'former' ? how : { text: text ?? '' };
}

async function show(site: Site, visit: Visit, refused: Refusal | null): Promise<void> {
  const { req, res, screen } = visit;
  const { campaign, list } = await campaignOf(site, visit);
  const shown = inboxOf(site.ctx, { list, content: campaign, language: footerAsked(list, visit) });
  const typed = refused ? fieldsOf(req) : {};
  sendPage(
    site,
    res,
    'admin/text',
    {
      ...screen,
      campaign: campaignPart(campaign, list, visit, 'text'),
      text: typed['text'] ?? campaign.text,
      subject: typed['subject'] ?? campaign.subject,
      preheader: typed['preheader'] ?? ownPreheader(campaign.html),
      inbox: { from: shownFrom(list, campaign).name, subject: shown.subject, preheader: shown.preheader.text },
      seen: typed['seen'] ?? markOf(campaign, 'words'),
      isFinished: campaign.message !== null && campaign.message !== undefined,
      hasFormer: (await formerText(site.ctx, campaign.id)) !== null,
      isSaved: req.query['saved'] === 'yes' && !refused,
      problems: refused && problemsOf(refused).slice(0, 20).map(inField),
    },
    refused ? 422 : 200,
  );
}

/** A mistake with the field that it is about, where only one can be meant. */
function inField(problem: Problem): ProblemPart & { field: 'subject' | 'preheader' | null } {
  const { reason } = problem;
  const field = (['subject', 'preheader'] as const).find((name) => reason.startsWith(`${name}-`)) ?? null;
  return { ...problemPart(problem), field };
}

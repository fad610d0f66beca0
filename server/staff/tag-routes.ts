import { Router } from 'express';
import { acceptTags, tagsOf, type Word } from '../campaigns/accept-tags.js';
import { readBecomes, type Becomes, type ForeignTag, type KeptTags } from '../campaigns/becomes.js';
import { markOfTags } from '../campaigns/draft-mark.js';
import { problemsOf } from '../campaigns/problem.js';
import { Refusal } from '../errors.js';
import { COMMON_FIELDS } from '../mail/template-tag.js';
import { fieldsOf, formReader, onlyMethods, param, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { loadCampaign } from './campaign.js';
import { campaignOf, campaignPart } from './campaign-view.js';
import { problemPart } from './refused-view.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';
import type { TagRow, TagsScreen } from './views.js';

/** What the tags of another mailing system become in an uploaded file: to accept, or to change. */
export function tagRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/admin/campaigns/:id/tags')
    .get(
      onlyStaff(site),
      visited(site, 'campaigns', async (visit) => showTags(site, visit, null)),
    )
    .post(
      sameOrigin(site),
      onlyStaff(site),
      readChoices,
      changed(site, 'campaigns', async (visit) => accept(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

/** Three fields a tag; a letter has at most four bytes, each of which an ordinary form writes as three. */
const readChoices = formReader(2_000_000, 3_100);

/** Fields that can be chosen by themselves; attributes have a name to write. */
const CHOICES = ['email', ...COMMON_FIELDS];

async function accept(site: Site, visit: Visit): Promise<void> {
  const { req, res } = visit;
  const campaign = await loadCampaign(site.ctx, param(req, 'id'));
  const tags = await tagsOf(site.ctx, campaign.id);
  const fields = fieldsOf(req);
  const chosen = (tags?.tags ?? []).flatMap(({ tag }, i): [string, Becomes][] => {
    const becomes = choiceIn(fields, i);
    return becomes ? [[tag, becomes]] : [];
  });
  try {
    await acceptTags(site.ctx, campaign.id, new Map(chosen), {
      seen: fields['seen'] ?? null,
      isReplacing: fields['replace'] !== undefined,
    });
  } catch (error) {
    const isOurs = error instanceof Refusal && (error.code === 'template-refused' || WHYS.includes(error.facts['why']));
    if (!isOurs) throw error;
    await showTags(site, visit, error, new Map(chosen));
    return;
  }
  res.redirect(303, `/admin/campaigns/${campaign.id}`);
}

const WHYS: readonly unknown[] = ['changed', 'edited'];

/** What the form says of its tag number `i`; null: nothing that can be read, so the proposal stays. */
function choiceIn(fields: Readonly<Record<string, string>>, i: number): Becomes | null {
  const as = fields[`as-${i}`] ?? '';
  const words = (fields[`words-${i}`] ?? '').trim();
  const name = (fields[`name-${i}`] ?? '').trim().toLowerCase();
  if (as === 'text') return readBecomes({ as, text: words });
  if (as === 'nothing') return { as: 'text', text: '' };
  if (as === 'always' || as === 'never') return { as };
  if (as === 'if') return readBecomes({ as, field: `attribute.${name}` });
  if (as === 'attribute') return readBecomes({ as: 'field', field: `attribute.${name}`, fallback: words });
  return readBecomes({ as: 'field', field: as, fallback: '' });
}

async function showTags(
  site: Site,
  visit: Visit,
  refused: Refusal | null,
  chosen: ReadonlyMap<string, Becomes> = new Map(),
): Promise<void> {
  const { res, screen } = visit;
  const { campaign, list } = await campaignOf(site, visit);
  const tags: KeptTags | null = await tagsOf(site.ctx, campaign.id);
  const href = `/admin/campaigns/${campaign.id}`;
  if (campaign.state !== 'draft') {
    res.redirect(303, href);
    return;
  }
  const hasProblems = refused?.code === 'template-refused';
  const words = (refused?.facts['words'] ?? []) as readonly Word[];
  const page: TagsScreen = {
    ...screen,
    campaign: campaignPart(campaign, list, visit, 'tags'),
    tags: (tags?.tags ?? []).map((tag, i) =>
      rowOf(tag, campaign.message ? null : (chosen.get(tag.tag) ?? tag.becomes), i),
    ),
    seen: markOfTags(campaign, tags),
    isRefused: refused !== null,
    isChanged: refused?.facts['why'] === 'changed',
    edited: words.map((name) => ({ name })),
    problems: hasProblems ? problemsOf(refused).slice(0, 20).map(problemPart) : null,
  };
  sendPage(site, res, 'admin/tags', page, hasProblems ? 422 : refused ? 409 : 200);
}

/** `becomes`: null for a finished message, in which nothing is changed. */
function rowOf(tag: ForeignTag, becomes: Becomes | null, i: number): TagRow {
  const isFixed = becomes === null;
  const { name, words, as } = becomes ? formOf(becomes) : { name: '', words: '', as: 'itself' };
  const kinds = isFixed
    ? ['itself']
    : tag.isCondition
      ? ['always', 'never', 'if']
      : ['nothing', 'text', 'attribute', ...CHOICES];
  return {
    ...{ place: i, tag: tag.tag, system: tag.system, lines: tag.lines.join(', '), name, words },
    ...{ hasName: !isFixed, hasWords: !isFixed && !tag.isCondition },
    choices: kinds.map((value) => ({ value, isChosen: value === as })),
  };
}

function formOf(becomes: Becomes): { as: string; name: string; words: string } {
  if (becomes.as === 'always' || becomes.as === 'never') return { as: becomes.as, name: '', words: '' };
  if (becomes.as === 'text') return { as: becomes.text === '' ? 'nothing' : 'text', name: '', words: becomes.text };
  const name = becomes.field.replace(/^attribute\./, '');
  if (becomes.as === 'if') return { as: 'if', name, words: '' };
  return name === becomes.field
    ? { as: name, name: '', words: '' }
    : { as: 'attribute', name, words: becomes.fallback };
}

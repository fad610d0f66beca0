import { markOf, type DraftPart, type SeenPart } from '../campaigns/draft-mark.js';
import { ownPreheader } from '../campaigns/preheader.js';
import { isWholeList, type AudienceFilter, type SendingPlan, type Tracking } from '../campaigns/settings.js';
import type { TextChange } from '../campaigns/text-part.js';
import type { ListFacts } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { fieldsOf, sendPage, type Site } from '../web/http.js';
import { filterInWords } from './audience-part.js';
import { campaignOf, campaignPart } from './campaign-view.js';
import type { ChangedScreen, SaidValue } from './changed-views.js';
import type { Visit } from './screens-visit.js';

/** What somebody wanted a part of a draft to be. */
export type Wanted =
  | { readonly part: 'sending'; readonly plan: SendingPlan }
  | { readonly part: 'audience'; readonly filter: AudienceFilter }
  | { readonly part: 'tracking'; readonly tracking: Tracking }
  | { readonly part: 'words'; readonly subject: string; readonly preheader: string; readonly text: TextChange };

/** The part as the form showed it; null: it does not say. */
export function seenIn(fields: Readonly<Record<string, string>>, part: DraftPart): SeenPart | null {
  const { seen } = fields;
  return seen === undefined || seen === '' ? null : { part, mark: seen };
}

/** Changes a draft; false: somebody else had changed the same part since it was shown, and the page that says so was sent. */
export async function changeSeen(
  site: Site,
  visit: Visit,
  wanted: Wanted,
  change: (seen: SeenPart | null) => Promise<unknown>,
): Promise<boolean> {
  try {
    await change(seenIn(fieldsOf(visit.req), wanted.part));
    return true;
  } catch (error) {
    if (!(error instanceof Refusal) || error.facts['why'] !== 'changed') throw error;
    await showChanged(site, visit, wanted);
    return false;
  }
}

const PAGES: Readonly<Record<DraftPart, string>> = {
  ...{ words: '/text', audience: '/audience', sending: '/plan', tracking: '/results' },
};

async function showChanged(site: Site, visit: Visit, wanted: Wanted): Promise<void> {
  const { req, res, screen } = visit;
  const { campaign, list } = await campaignOf(site, visit);
  const part = campaignPart(campaign, list, visit, '');
  const { settings, subject, text, html } = campaign;
  const stands: Readonly<Record<DraftPart, Wanted>> = {
    sending: { part: 'sending', plan: settings.sending ?? {} },
    audience: { part: 'audience', filter: settings.audience ?? {} },
    tracking: { part: 'tracking', tracking: settings.tracking ?? 'off' },
    words: { part: 'words', subject, preheader: ownPreheader(html), text: { text } },
  };
  const [now, mine] = [stands[wanted.part], wanted].map((one) => valuesOf(one, list, screen.language));
  const isWords = wanted.part === 'words';
  const rows = Object.entries(mine ?? {}).flatMap(([field, value]) => {
    const before = now?.[field];
    return before && JSON.stringify(before) !== JSON.stringify(value)
      ? [{ field, now: before, mine: value, isEdited: isWords && value.word === null, isLong: field === 'text' }]
      : [];
  });
  const sent = { ...fieldsOf(req), csrf: screen.csrf, seen: markOf(campaign, wanted.part) };
  const page: ChangedScreen = {
    ...{ ...screen, campaign: part, rows, isMultipart: isWords },
    action: req.originalUrl,
    fields: Object.entries(sent)
      .filter(([name]) => !rows.some(({ field, isEdited }) => isEdited && field === name))
      .map(([name, value]) => ({ name, value })),
    backHref: `${part.href}${PAGES[wanted.part]}`,
  };
  sendPage(site, res, 'admin/changed', page, 409);
}

const NOTHING: SaidValue = { at: null, word: null, says: null, text: '' };

function valuesOf(one: Wanted, list: ListFacts, language: string): Readonly<Record<string, SaidValue>> {
  const word = (name: string): SaidValue => ({ ...NOTHING, word: name });
  const typed = (text: string): SaidValue => ({ ...NOTHING, text });
  if (one.part === 'tracking') return { tracking: word(one.tracking) };
  if (one.part === 'audience') {
    const says = filterInWords(list, one.filter, language);
    return { audience: isWholeList(one.filter) ? word('everybody') : { ...NOTHING, says } };
  }
  if (one.part === 'words') {
    return {
      subject: typed(one.subject),
      preheader: typed(one.preheader),
      text: typeof one.text === 'string' ? word(one.text) : typed(one.text.text),
    };
  }
  const { at, perSecond, warmUp, tryForHours, onUnknown } = one.plan;
  const number = (value: number | undefined, none: string): SaidValue =>
    value === undefined ? word(none) : typed(new Intl.NumberFormat(language).format(value));
  return {
    when: at === undefined ? word('now') : { ...NOTHING, at: new Date(at) },
    ...{ perSecond: number(perSecond, 'noLimit'), warmUp: number(warmUp, 'noLimit') },
    ...{ tryForHours: number(tryForHours, 'usual'), unknown: word(onUnknown ?? 'again') },
  };
}

import type { Audience } from '../campaigns/audience.js';
import type { AudienceFilter } from '../campaigns/settings.js';
import { attributeLabel } from '../consent/attributes.js';
import { inWords, type ListFacts } from '../consent/catalogue.js';
import { languageNames } from '../web/i18n.js';
import type { AudiencePart } from './views.js';

/** Of a part of a list, fewer than so many are shown as "fewer than" (T11): nobody is found by asking more and more exactly. */
export const FEWEST = 10;

/** Who would get it, as the screen shows it; `says`: how the list is narrowed, in words. */
export function audiencePart(audience: Audience, says: AudiencePart['says'] = []): AudiencePart {
  const isFew = (count: number): boolean => audience.isNarrowed && count < FEWEST;
  const left = Object.entries(audience.left).map(([reason, count]) => ({
    name: reasonName(reason),
    count: isFew(count) ? FEWEST : count,
    isFew: isFew(count),
  }));
  const few = isFew(audience.reached);
  const all = left.reduce((sum, { count }) => sum + count, audience.reached);
  const percent = all === 0 ? 0 : Math.round((audience.reached / all) * 100);
  return {
    reached: few ? FEWEST : audience.reached,
    isFew: few,
    left,
    bar: few || left.length === 0 ? null : { percent, rest: 100 - percent },
    says,
  };
}

/** Each has a text of its own. */
const REASONS = new Set(
  'erased restricted pending refused expired withdrawn basis topic narrowed paused frequency complained suppressed bounced no-consent cancelled'.split(
    ' ',
  ),
);

/** The key of a reason below admin.reason. */
export function reasonName(reason: string): string {
  return REASONS.has(reason) ? reason : 'unlisted';
}

/** What a filter says, a line each. */
export function filterInWords(
  { topics, organisation }: ListFacts,
  filter: AudienceFilter | undefined,
  language: string,
): AudiencePart['says'] {
  if (!filter) return [];
  const topicName = (slug: string): string =>
    inWords(topics.find((topic) => topic.slug === slug)?.names ?? {}, language, organisation.language) || slug;
  const label = (name: string): string => {
    const rule = organisation.attributes.find((one) => one.name === name);
    return rule ? attributeLabel(organisation, rule, language) : name;
  };
  const names = languageNames(filter.languages ?? []).map(({ name }) => name);
  return [
    ...(names.length > 0 ? [{ kind: 'languages', label: '', text: names.join(', '), at: null }] : []),
    ...(filter.topics ? [{ kind: 'topics', label: '', text: filter.topics.map(topicName).join(', '), at: null }] : []),
    ...(filter.joinedAfter ? [{ kind: 'after', label: '', text: '', at: new Date(filter.joinedAfter) }] : []),
    ...(filter.joinedBefore ? [{ kind: 'before', label: '', text: '', at: new Date(filter.joinedBefore) }] : []),
    ...Object.entries(filter.attributes ?? {}).map(([name, text]) => {
      return { kind: 'attribute', label: label(name), text, at: null };
    }),
  ];
}

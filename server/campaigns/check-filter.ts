import { z } from 'zod';
import type { ListFacts } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { readFilter, type AudienceFilter } from './settings.js';

/** Reads a filter for a list. Throws `body-invalid` for what it cannot ask: topics that are none of the list's, attributes that must not be asked for (T11). */
export function checkFilter(list: ListFacts, given: unknown): AudienceFilter {
  const filter = read(given);
  const topic = filter.topics?.find((one) => !list.topics.some(({ slug }) => slug === one));
  if (topic !== undefined) throw new Refusal('body-invalid', `This list has no topic ${topic}.`);
  const allowed = list.organisation.attributes.filter(({ isFilter }) => isFilter).map(({ name }) => name);
  const attribute = Object.keys(filter.attributes ?? {}).find((name) => !allowed.includes(name));
  if (attribute !== undefined) throw new Refusal('body-invalid', `Nobody may be chosen by the attribute ${attribute}.`);
  if (filter.joinedAfter && filter.joinedBefore && Date.parse(filter.joinedAfter) >= Date.parse(filter.joinedBefore))
    throw new Refusal('body-invalid', 'Nobody joins before the day after which they joined.');
  return filter;
}

function read(given: unknown): AudienceFilter {
  try {
    return readFilter(given);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new Refusal(
      'body-invalid',
      error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'),
    );
  }
}

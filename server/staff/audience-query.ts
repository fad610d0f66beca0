import { readLocalTime } from '../campaigns/local-time.js';
import type { AudienceFilter } from '../campaigns/settings.js';

/** An attribute's field is its name behind this. */
const ATTRIBUTE = 'is.';

/** The query of an address as a filter, not yet checked. Days begin in the organisation's zone. */
export function filterInQuery(query: Readonly<Record<string, unknown>>, zone: string): Record<string, unknown> {
  const all = (name: string): string[] =>
    [query[name]].flat().filter((value): value is string => typeof value === 'string' && value.trim() !== '');
  const day = (name: string): string | undefined => {
    const [value] = all(name);
    if (value === undefined) return undefined;
    // What is no day is refused where filters are checked.
    return readLocalTime(`${value}T00:00`, zone)?.at.toISOString() ?? value;
  };
  const attributes = Object.keys(query)
    .filter((name) => name.startsWith(ATTRIBUTE))
    .flatMap((name) => all(name).map((value) => [name.slice(ATTRIBUTE.length), value.trim()]));
  const [languages, topics] = [all('language'), all('topic')];
  const [joinedAfter, joinedBefore] = [day('after'), day('before')];
  return {
    ...(languages.length > 0 ? { languages } : {}),
    ...(topics.length > 0 ? { topics } : {}),
    ...(joinedAfter === undefined ? {} : { joinedAfter }),
    ...(joinedBefore === undefined ? {} : { joinedBefore }),
    ...(attributes.length > 0 ? { attributes: Object.fromEntries(attributes) as Record<string, string> } : {}),
  };
}

/** The same the other way round: `language=pl&after=2026-05-01`; '' for the whole list. */
export function queryOf(filter: AudienceFilter, zone: string): string {
  const fields = new URLSearchParams();
  for (const language of filter.languages ?? []) fields.append('language', language);
  for (const topic of filter.topics ?? []) fields.append('topic', topic);
  if (filter.joinedAfter) fields.append('after', dayIn(zone, filter.joinedAfter));
  if (filter.joinedBefore) fields.append('before', dayIn(zone, filter.joinedBefore));
  for (const [name, value] of Object.entries(filter.attributes ?? {})) fields.append(`${ATTRIBUTE}${name}`, value);
  return fields.toString();
}

/** The day of a moment in a zone: `2026-05-01`. */
export function dayIn(zone: string, moment: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(new Date(moment));
}

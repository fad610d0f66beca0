import { attributeMark } from '../consent/attribute-mark.js';
import type { Keyring } from '../keys/keyring.js';
import type { AudienceFilter } from './settings.js';

/** Whose list, and how it is narrowed. */
export interface Narrowed {
  readonly organisationId: string;
  /** Absent: the whole list. */
  readonly filter: AudienceFilter | undefined;
}

/** A condition on a consent `c`, and the values of its parameters. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** The moment from which somebody counts as being on a list. */
export const JOINED_SQL = 'coalesce(c.confirmed_at, c.state_at)';

/**
 * The condition that a consent `c` lies in an audience, with parameters from `first` on: the one place that says what a filter means, for counting and for
 * sending alike. Whoever chose no topics wants all of them.
 */
export function narrow(keyring: Keyring, { organisationId, filter = {} }: Narrowed, first: number): Condition {
  const values: unknown[] = [];
  const holds = (condition: (parameter: string) => string, value: unknown): string => {
    values.push(value);
    return condition(`$${first + values.length - 1}`);
  };
  const marks = marksOf(keyring, { organisationId, filter });
  const conditions = [
    filter.languages && holds((p) => `c.language = any(${p}::text[])`, filter.languages),
    filter.topics && holds((p) => `(c.topics = '{}' or c.topics && ${p}::text[])`, filter.topics),
    filter.joinedAfter && holds((p) => `${JOINED_SQL} >= ${p}::timestamptz`, filter.joinedAfter),
    filter.joinedBefore && holds((p) => `${JOINED_SQL} < ${p}::timestamptz`, filter.joinedBefore),
    ...marks.map((mark) =>
      holds(
        (p) => `c.subscriber_id in (select m.subscriber_id from attribute_mark m where m.mark = ${p}::bytea)`,
        mark,
      ),
    ),
  ].filter((condition) => condition !== undefined);
  return { sql: conditions.length > 0 ? conditions.join(' and ') : 'true', values };
}

/** The marks that all of an audience have. */
export function marksOf(keyring: Keyring, { organisationId, filter = {} }: Narrowed): Buffer[] {
  return Object.entries(filter.attributes ?? {}).map(([name, value]) =>
    attributeMark(keyring, { organisationId, name, value }),
  );
}

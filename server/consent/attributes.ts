import type { Acting, Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { attributeMark } from './attribute-mark.js';
import { inWords, type AttributeFacts, type OrganisationFacts } from './catalogue.js';
import { openAttributes, sealAttributes } from './subscriber.js';

/** What is known of a person, by name. */
export type Attributes = Readonly<Record<string, string>>;

/** An attribute's value is at most so many characters; it is one line. */
export const MAX_ATTRIBUTE = 100;

const CONTROLS = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0\ufdd1]/gu;

/** Of what a form brought, what the organisation asks for: one line each, without control characters. Empty ones are not told. */
export function takeAttributes(
  rules: readonly Pick<AttributeFacts, 'name'>[],
  given: Readonly<Record<string, string | undefined>>,
): Attributes {
  const taken = rules.map(
    ({ name }) => [name, (given[name] ?? '').slice(0, 1000).replace(CONTROLS, ' ').trim()] as const,
  );
  return Object.fromEntries(
    taken.filter(([, value]) => value !== '').map(([name, value]) => [name, value.slice(0, MAX_ATTRIBUTE)]),
  );
}

/** The name of an attribute in a language. */
export function attributeLabel(
  organisation: Pick<OrganisationFacts, 'language'>,
  { name, labels }: Pick<AttributeFacts, 'name' | 'labels'>,
  language: string,
): string {
  return inWords(labels, language, organisation.language) || name;
}

/** What is known of a subscriber; nothing of somebody erased. */
export async function attributesOf(ctx: Context, on: Queryable, subscriberId: string): Promise<Attributes> {
  const [row] = await on.query<{ profileKey: Buffer | null; attributes: Buffer | null }>(
    'select profile_key as "profileKey", attributes from subscriber where id = $1',
    [subscriberId],
  );
  if (!row?.profileKey || !row.attributes) return {};
  return openAttributes(ctx.keyring, { id: subscriberId, profileKey: row.profileKey, attributes: row.attributes });
}

/**
 * Adds to what is known of a subscriber, or changes it; an empty value forgets. Encrypted under the person's own key (promise 7); beside it, for what campaigns
 * may be narrowed by, keyed hashes. Nothing is written of somebody erased. With a transaction of the caller's.
 */
export async function writeAttributes(
  tx: Queryable,
  acting: Acting,
  { subscriberId, organisation, values }: { subscriberId: string; organisation: OrganisationFacts; values: Attributes },
): Promise<void> {
  const [row] = await tx.query<{ profileKey: Buffer | null; attributes: Buffer | null }>(
    'select profile_key as "profileKey", attributes from subscriber where id = $1 for no key update',
    [subscriberId],
  );
  if (!row?.profileKey) return;
  const person = { id: subscriberId, profileKey: row.profileKey };
  const before = row.attributes ? openAttributes(acting.keyring, { ...person, attributes: row.attributes }) : {};
  const known = Object.entries({ ...before, ...values }).filter(([, value]) => value !== '');
  await tx.query('update subscriber set attributes = $2 where id = $1', [
    subscriberId,
    known.length > 0 ? sealAttributes(acting.keyring, person, Object.fromEntries(known)) : null,
  ]);
  const marks = known
    .filter(([name]) => organisation.attributes.some((rule) => rule.name === name && rule.isFilter))
    .map(([name, value]) => attributeMark(acting.keyring, { organisationId: organisation.id, name, value }));
  await tx.query('delete from attribute_mark where subscriber_id = $1', [subscriberId]);
  await tx.query(
    'insert into attribute_mark (subscriber_id, mark) select $1::uuid, unnest($2::bytea[]) on conflict do nothing',
    [subscriberId, marks],
  );
}

import { MAX_ATTRIBUTE, takeAttributes, writeAttributes } from '../consent/attributes.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { correcting } from './access-log.js';
import type { Person } from './person.js';
import { openProfileKey } from './unmask.js';

/** What a staff member corrects of a person, and why. */
export interface Correction {
  readonly staffId: string;
  readonly person: Person;
  /** Of `attributeNames`. */
  readonly name: string;
  /** Empty: it is forgotten. */
  readonly value: string;
  readonly reason: string;
}

/** What can be corrected: whatever the organisation asks for, and what is known although it asks no more. */
export function attributeNames({ organisation, subscriber, known }: Person): string[] {
  if (!subscriber?.profileKey || !subscriber.isOurs) return [];
  return [...new Set([...organisation.attributes.map(({ name }) => name), ...known])];
}

/**
 * Corrects what is known of a person (Art. 16) for somebody who asked by phone or letter. Who did it and why is written down in the same transaction. Throws
 * `body-invalid` for what cannot be kept, and `not-found` when the person was erased meanwhile.
 */
export async function correctAttribute(ctx: Context, correction: Correction): Promise<void> {
  const { staffId, person, name, value, reason } = correction;
  const { subscriber, organisation } = person;
  if (!subscriber?.profileKey) throw new Refusal('not-found', 'The person was erased meanwhile.');
  if (!attributeNames(person).includes(name) || value.trim().length > MAX_ATTRIBUTE)
    throw new Refusal('body-invalid', `Something that is known of people, in at most ${MAX_ATTRIBUTE} characters.`);
  const profileKey = openProfileKey(ctx, { id: subscriber.id, profileKey: subscriber.profileKey });
  const told = takeAttributes([{ name }], { [name]: value });
  const look = {
    ...{ staffId, subscriberId: subscriber.id, what: 'correct' as const },
    why: { field: `attribute ${name}`, reason, profileKey },
  };
  await correcting(ctx, look, async (tx) =>
    writeAttributes(tx, ctx, { subscriberId: subscriber.id, organisation, values: { [name]: told[name] ?? '' } }),
  );
}

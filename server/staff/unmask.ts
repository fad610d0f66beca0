import { attributesOf } from '../consent/attributes.js';
import { evidenceKey } from '../consent/chapter.js';
import { openAddress } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { decryptField } from '../keys/field.js';
import { unwrapKey } from '../keys/subject-key.js';
import { ATTACHED, REDACTABLE, type Attached, type Redactable } from '../ledger/append.js';
import { unmasking } from './access-log.js';
import type { Person, SubscriberFacts } from './person.js';
import type { StoryEvent } from './story.js';

/** A field that is masked until somebody says why they need it. */
export interface MaskedField {
  /** `address`, `attribute/<name>`, or `<event>/<name>`. */
  readonly key: string;
  readonly name: 'address' | 'attribute' | MaskedName;
  /** null: of the person rather than of an event. */
  readonly event: StoryEvent | null;
  readonly signUpId: string | null;
  /** Of an attribute. */
  readonly attribute?: string;
}

export const MASKED_NAMES = ['ip', 'user_agent', 'note', 'scan', 'mail', 'reply'] as const;
export type MaskedName = (typeof MASKED_NAMES)[number] & (Redactable | Attached);

/** Which fields of a person could be shown; the address only to whoever does not see it yet. */
export function maskedFields(person: Person, isAddressMasked: boolean): MaskedField[] {
  if (!person.subscriber?.profileKey || !person.subscriber.isOurs) return [];
  const chapters = [...person.lists.flatMap((list) => list.chapters), ...person.loose];
  const ofEvents = chapters.flatMap(({ id, events }) =>
    events.flatMap((event) =>
      MASKED_NAMES.filter((name) => event.check !== 'wrong' && event.fields.includes(name)).map((name) => ({
        ...{ key: `${event.id}/${name}`, name, event, signUpId: id },
      })),
    ),
  );
  return [
    ...(isAddressMasked ? [{ key: 'address', name: 'address' as const, event: null, signUpId: null }] : []),
    ...person.known.map((attribute) => ({
      ...{ key: `attribute/${attribute}`, name: 'attribute' as const, event: null, signUpId: null, attribute },
    })),
    ...ofEvents,
  ];
}

/**
 * Shows one field to a staff member who says why: the entry is written in the transaction that reads it (C-31). Throws `too-many`, and `not-found` when the
 * field was erased meanwhile.
 */
export async function unmask(
  ctx: Context,
  asked: { staffId: string; person: Person; field: MaskedField; reason: string },
): Promise<string> {
  const { staffId, person, field, reason } = asked;
  const { subscriber } = person;
  if (!subscriber?.profileKey) throw erased();
  const profileKey = openProfileKey(ctx, { id: subscriber.id, profileKey: subscriber.profileKey });
  const what = field.attribute
    ? `attribute ${field.attribute}`
    : field.event
      ? `${field.name} of ${field.event.kind} ${field.event.id}`
      : field.name;
  const look = {
    staffId,
    subscriberId: subscriber.id,
    what: 'unmask',
    why: { field: what, reason, profileKey },
  } as const;
  return unmasking(ctx, look, async (tx) => read(ctx, tx, subscriber, field));
}

/** The key under which reasons are kept, which goes with the person. */
export function openProfileKey(
  { keyring }: Pick<Context, 'keyring'>,
  { id, profileKey }: { readonly id: string; readonly profileKey: Buffer },
): Buffer {
  return unwrapKey(keyring, { table: 'subscriber', column: 'profile_key', row: id }, profileKey);
}

async function read(ctx: Context, tx: Tx, subscriber: SubscriberFacts, field: MaskedField): Promise<string> {
  const { event, signUpId, attribute } = field;
  if (attribute !== undefined) {
    const value = (await attributesOf(ctx, tx, subscriber.id))[attribute];
    if (value === undefined) throw erased();
    return value;
  }
  if (!event || !signUpId) return readAddress(ctx, tx, subscriber.id);
  const sealed = await readSealed(tx, signUpId, event.id, field.name);
  const [chapter] = await tx.query<{ key: Buffer | null }>('select evidence_key as key from sign_up where id = $1', [
    signUpId,
  ]);
  if (!chapter?.key || !sealed) throw erased();
  const place = { table: 'event_body', column: field.name, row: event.id };
  const text = decryptField(evidenceKey(ctx.keyring, signUpId, chapter.key), place, sealed).toString();
  return (JSON.parse(text) as { value: string }).value;
}

async function readAddress(ctx: Context, tx: Tx, id: string): Promise<string> {
  const [row] = await tx.query<{ profileKey: Buffer | null; address: Buffer | null }>(
    'select profile_key as "profileKey", address from subscriber where id = $1',
    [id],
  );
  if (!row?.profileKey || !row.address) throw erased();
  return openAddress(ctx.keyring, { id, profileKey: row.profileKey, address: row.address });
}

async function readSealed(tx: Tx, signUpId: string, eventId: string, name: string): Promise<Buffer | null> {
  const column = REDACTABLE.find((one) => one === name);
  const isAttached = ATTACHED.some((one) => one === name);
  if (!column && !isAttached) return null;
  const [row] = column
    ? await tx.query<{ sealed: Buffer | null }>(
        `select ${column} as sealed from event_body where sign_up_id = $1 and event_id = $2`,
        [signUpId, eventId],
      )
    : await tx.query<{ sealed: Buffer | null }>(
        'select sealed from event_attachment where sign_up_id = $1 and event_id = $2 and name = $3',
        [signUpId, eventId, name],
      );
  return row?.sealed ?? null;
}

function erased(): Refusal {
  return new Refusal('not-found', 'What was asked for was erased meanwhile.');
}

import type { SignUp } from '../../entities/sign-up.js';
import { evidenceKey } from '../consent/chapter.js';
import type { Context } from '../context.js';
import { decryptField } from '../keys/field.js';
import { ATTACHED, REDACTABLE, type Attached, type Redactable } from '../ledger/append.js';
import { checkEvent, type EventCheck, type EventToCheck } from '../ledger/check-event.js';
import type { ConsentRecord } from '../ledger/record.js';

/** One sign-up with all that came of it. */
export interface Chapter {
  readonly id: string;
  readonly listId: string;
  readonly consentId: string | null;
  readonly requestedAt: Date;
  /** null: not decided yet. */
  readonly outcome: SignUp['outcome'];
  readonly events: readonly StoryEvent[];
  readonly mail: MailOfChapter | null;
}

export interface StoryEvent {
  readonly id: string;
  readonly kind: ConsentRecord['kind'];
  readonly at: Date;
  readonly leafIndex: string | null;
  readonly check: EventCheck;
  /** null: erased. */
  readonly record: ConsentRecord | null;
  /** What it holds that is masked until asked for. */
  readonly fields: readonly (Redactable | Attached)[];
}

/** What became of the mail that the sign-up led to. */
export interface MailOfChapter {
  readonly template: string;
  readonly state: string;
  readonly reason: string | null;
  /** The server's answer. */
  readonly reply: string | null;
  /** Which server took it, and how the connection was secured. */
  readonly takenBy: string | null;
  readonly at: Date | null;
}

/** So many sign-ups of one person are shown, the newest first: whoever is bombed has thousands. */
export const MOST_CHAPTERS = 40;

interface Wanted {
  readonly organisationId: string;
  readonly consents: readonly string[];
  /** Sign-ups that a consent rests on are shown however old. */
  readonly inForce: readonly string[];
  /** By which sign-ups without a consent are found. */
  readonly index: Buffer | null;
}

/** The story of some consents, and of sign-ups that led to none, oldest first; each event checked against its leaf and its commitment. */
export async function readChapters(ctx: Context, wanted: Wanted): Promise<Chapter[]> {
  const rows = await ctx.db.query<ChapterRow>(
    `select u.id, u.list_id as "listId", u.consent_id as "consentId", u.requested_at as "requestedAt", u.outcome, u.evidence_key as "evidenceKey"
     from sign_up u where u.id = any($1::uuid[]) or u.id in (
       select id from ((select id, requested_at from sign_up where consent_id = any($2::uuid[]))
         union all (select x.id, x.requested_at from sign_up x join list l on l.id = x.list_id
           where x.purge_at is not null and x.consent_id is null and x.blind_index = $3 and l.organisation_id = $4)) both_kinds
       order by requested_at desc limit ${MOST_CHAPTERS})
     order by u.requested_at, u.id`,
    [wanted.inForce, wanted.consents, wanted.index, wanted.organisationId],
  );
  const ids = rows.map((row) => row.id);
  const [events, mails, attached] = await Promise.all([
    readEvents(ctx, ids),
    readMails(ctx, ids),
    readAttached(ctx, ids),
  ]);
  return rows.map(({ evidenceKey: wrapped, ...chapter }) => {
    const key = wrapped && evidenceKey(ctx.keyring, chapter.id, wrapped);
    const own = events.filter((event) => event.signUpId === chapter.id);
    return {
      ...chapter,
      events: own.map((event) => toEvent(ctx, event, attached, key)),
      mail: mails.find((mail) => mail.messageId === chapter.id) ?? null,
    };
  });
}

type ChapterRow = Omit<Chapter, 'events' | 'mail'> & { evidenceKey: Buffer | null };

type EventRow = Pick<EventToCheck, 'id' | 'signUpId' | 'commitment' | 'happenedAt' | 'seal' | 'leafHash'> & {
  kind: ConsentRecord['kind'];
  leafIndex: string | null;
} & Record<'record' | Redactable, Buffer | null>;

async function readEvents(ctx: Context, chapters: readonly string[]): Promise<EventRow[]> {
  return ctx.db.query<EventRow>(
    `select e.id, e.sign_up_id as "signUpId", e.kind, e.commitment, e.happened_at as "happenedAt", e.seal, l.leaf_index as "leafIndex", l.leaf_hash as "leafHash",
       b.record, ${REDACTABLE.map((name) => `b.${name}`).join(', ')}
     from consent_event e left join log_leaf l on l.event_id = e.id
     left join event_body b on b.sign_up_id = e.sign_up_id and b.event_id = e.id
     where e.sign_up_id = any($1::uuid[]) order by e.happened_at, l.leaf_index`,
    [chapters],
  );
}

async function readMails(
  ctx: Context,
  chapters: readonly string[],
): Promise<(MailOfChapter & { messageId: string })[]> {
  return ctx.db.query(
    `select message_id as "messageId", template, state, reason, reply, taken_by as "takenBy", settled_at as at from delivery
     where message_id = any($1::uuid[]) and kind in ('confirmation', 'transactional')`,
    [chapters],
  );
}

interface AttachedRow {
  eventId: string;
  name: Attached;
  sealed: Buffer;
}

async function readAttached(ctx: Context, chapters: readonly string[]): Promise<AttachedRow[]> {
  return ctx.db.query(
    'select event_id as "eventId", name, sealed from event_attachment where sign_up_id = any($1::uuid[])',
    [chapters],
  );
}

function toEvent(ctx: Context, row: EventRow, attached: readonly AttachedRow[], key: Buffer | null): StoryEvent {
  const { id, kind, leafIndex } = row;
  const sealed: [name: 'record' | Redactable | Attached, bytes: Buffer | null][] = [
    ['record', row.record],
    ...REDACTABLE.map((name) => [name, row[name]] as [Redactable, Buffer | null]),
    ...attached
      .filter((one) => one.eventId === id)
      .map(({ name, sealed: bytes }) => [name, bytes] as [Attached, Buffer]),
  ];
  const event = { id, kind, at: row.happenedAt, leafIndex };
  try {
    const opened = new Map(
      sealed.flatMap(([name, bytes]) => (bytes && key ? [[name, open(key, id, name, bytes)]] : [])),
    );
    const record = (opened.get('record') ?? null) as EventToCheck['opened'];
    opened.delete('record');
    const fields = Object.fromEntries(opened) as EventToCheck['fields'];
    const check = checkEvent(ctx.keyring, { ...row, opened: record, fields });
    const held = [...REDACTABLE, ...ATTACHED].filter((name) => opened.has(name));
    return { ...event, check, record: record?.record ?? null, fields: held };
  } catch {
    // Whatever cannot be decrypted was put there by somebody else.
    return { ...event, check: 'wrong', record: null, fields: [] };
  }
}

function open(key: Buffer, eventId: string, column: string, sealed: Buffer): unknown {
  return JSON.parse(decryptField(key, { table: 'event_body', column, row: eventId }, sealed).toString());
}

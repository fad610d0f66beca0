import type { ConsentRecord } from '../ledger/record.js';
import type { Moment, StoryPart, StoryRow } from './people-views.js';
import type { Chapter, MailOfChapter, StoryEvent } from './story.js';

interface Telling {
  /** Addresses of staff by id. */
  readonly staff: ReadonlyMap<string, string>;
  readonly label: string;
}

/** Events as rows of a table, in the order in which they happened. */
export function storyPart(chapters: readonly Chapter[], { staff, label }: Telling): StoryPart {
  const rows = chapters.flatMap((chapter) => chapter.events.map((event) => storyRow(chapter, event, staff)));
  return {
    rows: rows.sort((a, b) => a.at.getTime() - b.at.getTime() || (a.leaf ?? Infinity) - (b.leaf ?? Infinity)),
    label,
  };
}

function storyRow(chapter: Chapter, event: StoryEvent, staff: ReadonlyMap<string, string>): StoryRow {
  const { record } = event;
  const by = record?.entity?.split(':')[0] ?? null;
  return {
    at: event.at,
    act: ACTS.has(event.kind) ? event.kind : 'else',
    how: howOf(chapter, event),
    host: hostOf(record?.form?.url ?? ''),
    said: record?.said_at === undefined ? null : momentOf(record.said_at),
    by: by === null || BY.has(by) ? by : 'else',
    staff: staff.get(record?.entity?.slice('staff:'.length) ?? '') ?? '',
    mail: hasMail(chapter, event) ? mailPart(chapter.mail) : null,
    leaf: event.leafIndex === null ? null : Number(event.leafIndex),
    check: event.check,
  };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** Each has a text of its own. */
const ACTS = new Set(
  'requested offered confirmed asserted imported staff-entered changed-address withdrawn expired refused renewed noted erased'.split(
    ' ',
  ),
);
const BY = new Set('subject guardian staff operator system'.split(' '));
const HOW = new Set(
  'web-form form settings-page phone paper button reply one-click page settings stop-all mail complaint journal undo not-me already blocked budget undecided'.split(
    ' ',
  ),
);

function howOf(chapter: Chapter, { kind, record }: StoryEvent): string | null {
  const how = kind === 'noted' ? (chapter.outcome ?? 'undecided') : record && wayOf(record);
  return how && HOW.has(how) ? how : null;
}

function wayOf(record: ConsentRecord): string | null {
  if (record.collection_method === 'web-form' && !record.form) return 'form';
  if (record.collection_method !== undefined) return record.collection_method;
  if (record.confirm) return record.confirm.method === 'reply' ? 'reply' : 'button';
  return record.withdrawal?.channel ?? record.cause ?? null;
}

// A sign-up has one mail; a new try offers anew, and the last offer is the one that it carries.
function hasMail({ mail, events }: Chapter, { id, kind }: StoryEvent): boolean {
  if (!mail) return false;
  const carrier = mail.template === 'confirmation' ? 'offered' : 'noted';
  return kind === carrier && events.filter((event) => event.kind === carrier).at(-1)?.id === id;
}

const MAIL_REASONS = new Set(
  'erased restricted pending refused expired withdrawn confirmed basis paused frequency suppressed no-consent changed bounced'.split(
    ' ',
  ),
);

function mailPart(mail: MailOfChapter | null): StoryRow['mail'] {
  if (!mail) return null;
  const { state, reason, reply, takenBy, at } = mail;
  return { state, reply, takenBy, at, reason: reason !== null && MAIL_REASONS.has(reason) ? reason : null };
}

function momentOf(text: string): Moment {
  const isDay = text.length === 10;
  return { isDay, at: new Date(isDay ? `${text}T12:00:00.000Z` : text) };
}

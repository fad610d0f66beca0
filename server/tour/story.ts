import type { Frequency } from '../../entities/consent.js';
import { isAnswered, progress, type Progress } from '../campaigns/progress.js';
import { linkAddress, listById, type ListFacts, type OrganisationFacts } from '../consent/catalogue.js';
import { evidenceKey, openSignUp } from '../consent/chapter.js';
import { mintReceiptLinks } from '../consent/receipt-links.js';
import type { ConsentState, SignUpOutcome } from '../consent/states.js';
import type { Context } from '../context.js';
import { stableMessageId } from '../delivery/single-mail.js';
import type { EventKind } from '../ledger/record.js';
import { latestCheckpoint, logVkey, type StoredCheckpoint } from '../ledger/store.js';
import { preferencesUrl, unsubscribeUrl } from '../links/urls.js';

/** What has happened to the newest sign-up of an organisation, for somebody who sits at this machine. */
export interface Story {
  readonly list: ListFacts;
  readonly requestedAt: Date;
  /** Whole; null when it is forgotten already. */
  readonly address: string | null;
  /** null: not decided yet. */
  readonly outcome: SignUpOutcome | null;
  readonly requested: StoryEvent | null;
  readonly offered: StoryEvent | null;
  readonly confirmed: StoryEvent | null;
  readonly withdrawn: StoryEvent | null;
  readonly consent: StoryConsent | null;
  /** Message-ID of the mail that the sign-up led to, without its domain. */
  readonly mailId: string | null;
  /** The newest campaign to the list since the confirmation. */
  readonly campaign: StoryCampaign | null;
}

export interface StoryEvent {
  readonly kind: EventKind;
  readonly at: Date;
  /** Base64. */
  readonly commitment: string;
  /** null: the log has not taken it yet. */
  readonly leafIndex: number | null;
  /** An answer to the mail confirmed. */
  readonly byReply: boolean;
}

export interface StoryConsent {
  readonly state: ConsentState;
  readonly frequency: Frequency;
  readonly pausedUntil: Date | null;
  readonly confirmedAt: Date | null;
  readonly receipt: { readonly readHref: string; readonly downloadHref: string };
  readonly preferencesHref: string;
  readonly unsubscribeHref: string;
}

export interface StoryCampaign {
  readonly subject: string;
  readonly isDraft: boolean;
  /** Every mail of it was tried. */
  readonly isThrough: boolean;
  readonly counts: Progress;
}

/** The log as it is at this moment. */
export interface LogNow {
  readonly vkey: string;
  readonly checkpoint: StoredCheckpoint | null;
}

interface Row {
  id: string;
  list_id: string;
  wording_id: string;
  evidence_key: Buffer | null;
  sealed: Buffer | null;
  requested_at: Date;
  outcome: SignUpOutcome | null;
  chapter: string | null;
  subscriber_id: string | null;
  state: ConsentState;
  frequency: Frequency;
  paused_until: Date | null;
  confirmed_at: Date | null;
  unsubscribe_ref: Buffer;
  preferences_ref: Buffer;
}

/** The newest sign-up by form, and what became of it; null before the first. Sign-ups in the settings page belong to the story they happen in. */
export async function readStory(ctx: Context, organisation: OrganisationFacts): Promise<Story | null> {
  const [row] = await ctx.db.query<Row>(
    `select u.id, u.list_id, u.wording_id, u.evidence_key, u.sealed, u.requested_at, u.outcome, c.sign_up_id as chapter, c.subscriber_id, c.state, c.frequency,
       c.paused_until, c.confirmed_at, c.unsubscribe_ref, c.preferences_ref
     from sign_up u join list l on l.id = u.list_id join purpose p on p.id = l.id and p.kind = 'list' left join consent c on c.id = u.consent_id
     where l.organisation_id = $1 and u.source = 'form' order by u.requested_at desc limit 1`,
    [organisation.id],
  );
  if (!row) return null;
  const list = await listById(ctx, row.list_id);
  const [events, campaign] = await Promise.all([
    readEvents(ctx, row.id, row.chapter ?? row.id),
    row.confirmed_at ? readCampaign(ctx, row.list_id, row.confirmed_at) : null,
  ]);
  const newest = (kind: EventKind, signUpId: string) =>
    events.find((event) => event.kind === kind && event.signUpId === signUpId) ?? null;
  const chapter = row.chapter ?? row.id;
  return {
    list,
    requestedAt: row.requested_at,
    address:
      row.evidence_key && row.sealed
        ? openSignUp(evidenceKey(ctx.keyring, row.id, row.evidence_key), {
            ...{ id: row.id, listId: row.list_id, wordingId: row.wording_id, sealed: row.sealed },
          }).given
        : null,
    outcome: row.outcome,
    requested: newest('requested', row.id),
    offered: newest('offered', row.id),
    confirmed: newest('confirmed', chapter),
    withdrawn: newest('withdrawn', chapter),
    consent: row.chapter ? consentOf(ctx, list, row, row.chapter) : null,
    mailId: row.subscriber_id ? stableMessageId(ctx, row.id, row.subscriber_id) : null,
    campaign,
  };
}

/** The key and the newest head of the log. */
export async function readLog(ctx: Context): Promise<LogNow> {
  return { vkey: logVkey(ctx), checkpoint: await latestCheckpoint(ctx.db) };
}

/** Has anybody a login yet? */
export async function hasStaff(ctx: Context): Promise<boolean> {
  const [row] = await ctx.db.query<{ any: boolean }>('select exists (select from staff) as any');
  return row?.any ?? false;
}

function consentOf(ctx: Context, list: ListFacts, row: Row, chapter: string): StoryConsent {
  const maker = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) };
  const { readHref, downloadHref } = mintReceiptLinks(ctx, list, chapter);
  return {
    state: row.state,
    frequency: row.frequency,
    pausedUntil: row.paused_until,
    confirmedAt: row.confirmed_at,
    receipt: { readHref, downloadHref },
    preferencesHref: preferencesUrl(maker, row.preferences_ref),
    unsubscribeHref: unsubscribeUrl(maker, row.unsubscribe_ref),
  };
}

interface EventRow {
  signUpId: string;
  kind: EventKind;
  commitment: Buffer;
  at: Date;
  leaf_index: string | null;
  byReply: boolean;
}

/** Newest first. */
async function readEvents(
  ctx: Context,
  signUpId: string,
  chapter: string,
): Promise<(StoryEvent & { signUpId: string })[]> {
  const rows = await ctx.db.query<EventRow>(
    `select e.sign_up_id as "signUpId", e.kind, e.commitment, e.happened_at as at, l.leaf_index,
       exists (select from event_attachment a where a.sign_up_id = e.sign_up_id and a.event_id = e.id and a.name = 'reply') as "byReply"
     from consent_event e left join log_leaf l on l.event_id = e.id where e.sign_up_id in ($1, $2) order by e.happened_at desc`,
    [signUpId, chapter],
  );
  return rows.map((row) => ({
    signUpId: row.signUpId,
    kind: row.kind,
    at: row.at,
    commitment: row.commitment.toString('base64'),
    leafIndex: row.leaf_index === null ? null : Number(row.leaf_index),
    byReply: row.byReply,
  }));
}

async function readCampaign(ctx: Context, listId: string, since: Date): Promise<StoryCampaign | null> {
  const [row] = await ctx.db.query<{ id: string; subject: string; state: string }>(
    `select id, subject, state from campaign where list_id = $1 and coalesce(released_at, created_at) >= $2
     order by released_at desc nulls last, created_at desc limit 1`,
    [listId, since],
  );
  if (!row) return null;
  const counts = await progress(ctx, row.id);
  return { subject: row.subject, isDraft: row.state === 'draft', isThrough: isAnswered(counts), counts };
}

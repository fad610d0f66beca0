import { createHash } from 'node:crypto';
import { canonicalize } from '../ledger/jcs.js';
import type { KeptTags } from './becomes.js';
import { ownPreheader } from './preheader.js';
import type { CampaignContent } from './prepare.js';

/** What of a draft is changed together, by one form. */
export type DraftPart = 'words' | 'audience' | 'sending' | 'tracking';

/** A part of a draft as somebody saw it before they changed it. */
export interface SeenPart {
  readonly part: DraftPart;
  readonly mark: string;
}

type Marked = Pick<CampaignContent, 'subject' | 'text' | 'html' | 'settings'>;

/** Stands for a part of a draft in the form that changes it: another one comes back when somebody else has changed that part meanwhile. */
export function markOf({ subject, text, html, settings }: Marked, part: DraftPart): string {
  const said = part === 'words' ? [subject, text, ownPreheader(html)] : (settings[part] ?? null);
  return hashOf(said);
}

/** Stands for the tags of a draft's file and the words that are made of them, in the form that accepts what the tags become. */
export function markOfTags(draft: Marked, tags: KeptTags | null): string {
  return hashOf([tags, markOf(draft, 'words')]);
}

function hashOf(said: unknown): string {
  return createHash('sha256').update(canonicalize(said)).digest('base64url').slice(0, 22);
}

/** Would a change undo what somebody else did to the part since it was seen? Not where both did the same. */
export function isUnseen(before: Marked, after: Marked, { part, mark }: SeenPart): boolean {
  const now = markOf(before, part);
  return now !== mark && now !== markOf(after, part);
}

import type { ListFacts } from '../consent/catalogue.js';
import { listById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import type { Queryable } from '../database/connect.js';
import { isSealed, seal } from '../keys/seal.js';
import { presentFields, type Personal } from './personal.js';
import { CONTENT_COLUMNS, withPictures } from './content.js';
import { isHosted } from './placement.js';
import { fieldsAskedBy, type CampaignContent, type Why } from './prepare.js';
import { linksOf } from './counted-links.js';
import { makeReady, type ReadyMail } from './ready.js';
import { contentParts } from './upload.js';

/** A campaign that somebody released with our keys at hand. */
export interface Released {
  readonly content: CampaignContent;
  readonly list: ListFacts;
  readonly releasedAt: Date;
  /** The mail in one language as somebody gets it, made ready at first use; `isTracked`: of somebody who agreed to tracking, with holes for their links. */
  skeleton(language: string, why: Why, person: Personal, isTracked: boolean): ReadyMail;
}

interface Head {
  id: string;
  list_id: string;
  state: string;
  seal: Buffer | null;
  released_at: Date | null;
}

/** A campaign's whole content is up to 4 MB and as much again when made ready: only those in work are kept. */
const KEPT = 8;
const kept = new WeakMap<Context, Map<string, { seal: Buffer; released: Released }>>();

/**
 * Campaigns that may be sent, by id; for each other id why not: `unknown`, `campaign-draft` and the like, or `seal` when
 * the row is not what was released (T6). One small query, whatever their size, once they are known.
 */
export async function releasedCampaigns(
  ctx: Context,
  on: Queryable,
  ids: readonly string[],
): Promise<Map<string, Released | string>> {
  const heads = await on.prepared<Head>(
    'select id, list_id, state, seal, released_at from campaign where id = any($1::uuid[])',
    [ids],
  );
  const found = new Map<string, Released | string>(ids.map((id) => [id, 'unknown']));
  for (const head of heads) {
    found.set(head.id, head.state === 'sending' ? ((await open(ctx, on, head)) ?? 'seal') : `campaign-${head.state}`);
  }
  return found;
}

/** Binds a release to its content, its list and its time. */
export function sealRelease(ctx: Pick<Context, 'keyring'>, listId: string, content: CampaignContent, at: Date): Buffer {
  return seal(ctx.keyring, 'campaign', [...contentParts(listId, content), at]);
}

/** Is this what was released at that time? */
export function isReleasedContent(
  ctx: Pick<Context, 'keyring'>,
  { listId, content, at, seal: given }: { listId: string; content: CampaignContent; at: Date; seal: Buffer | null },
): boolean {
  return isSealed(ctx.keyring, 'campaign', [...contentParts(listId, content), at], given);
}

async function open(ctx: Context, on: Queryable, head: Head): Promise<Released | null> {
  const known = kept.get(ctx) ?? new Map<string, { seal: Buffer; released: Released }>();
  kept.set(ctx, known);
  const before = known.get(head.id);
  // Somebody who can only write SQL does not make it start before its time (T6).
  if (!head.seal || !head.released_at || head.released_at > ctx.now()) return null;
  if (before?.seal.equals(head.seal)) return before.released;
  const [content] = await on.query<CampaignContent>(`select ${CONTENT_COLUMNS} from campaign where campaign.id = $1`, [
    head.id,
  ]);
  if (!content) return null;
  const { list_id: listId, released_at: at } = head;
  if (!isReleasedContent(ctx, { listId, content, at, seal: head.seal })) return null;
  const whole = await withPictures(on, content, (picture) => !isHosted(content, picture)).catch(nothingFor);
  if (!whole) return null;
  const released = makeReleased(ctx, whole, await listById(ctx, head.list_id), head.released_at);
  if (known.size >= KEPT) known.delete(known.keys().next().value ?? '');
  known.set(head.id, { seal: head.seal, released });
  return released;
}

function nothingFor(error: unknown): null {
  if (error instanceof Refusal) return null;
  throw error;
}

function makeReleased(ctx: Context, content: CampaignContent, list: ListFacts, releasedAt: Date): Released {
  const skeletons = new Map<string, ReadyMail>();
  const asked = content.message ? [] : fieldsAskedBy(content);
  return {
    content,
    list,
    releasedAt,
    skeleton: (language, why, person, isTracked) => {
      const present = presentFields(asked, person);
      const key = [language, why, isTracked, ...present].join(' ');
      const skeleton =
        skeletons.get(key) ??
        makeReady(ctx, list, content, { language, why, present, links: linksOf(ctx, list, content, isTracked) });
      skeletons.set(key, skeleton);
      return skeleton;
    },
  };
}

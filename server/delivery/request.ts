import { CONSENT_COLUMNS, type LoadedConsent } from '../consent/act.js';
import { linkAddress, listById, type ListFacts, type Wording } from '../consent/catalogue.js';
import { evidenceKey, openSignUp } from '../consent/chapter.js';
import type { SealedSignUp } from '../consent/subscribe.js';
import type { Context } from '../context.js';
import type { LinkMaker } from '../links/urls.js';
import type { Claimed } from './claim.js';

/** The row of a sign-up. */
export interface Chapter {
  chapter: string;
  language: string;
  wording_id: string;
  evidence_key: Buffer | null;
  sealed: Buffer | null;
  requested_at: Date;
  requested_commitment: Buffer;
}

/** A sign-up whose mail is to be built. */
export interface Request {
  readonly chapter: Chapter;
  readonly consent: LoadedConsent;
  readonly list: ListFacts;
  readonly wording: Wording;
  readonly key: Buffer;
  readonly signUp: SealedSignUp;
  readonly maker: LinkMaker;
}

/** What the mails of a batch are about, by message; one that is missing was erased. */
export async function loadRequests(ctx: Context, deliveries: readonly Claimed[]): Promise<Map<string, Request>> {
  const rows = await ctx.db.query<Chapter & LoadedConsent>(
    `select ${CONSENT_COLUMNS}, u.id as chapter, u.language, u.wording_id, u.evidence_key, u.sealed, u.requested_at, u.requested_commitment
     from unnest($1::uuid[], $2::uuid[]) as row (message, consent) join sign_up u on u.id = row.message join consent c on c.id = row.consent`,
    [deliveries.map((one) => one.messageId), deliveries.map((one) => one.consent?.id ?? null)],
  );
  const requests = await Promise.all(rows.map(async (row) => open(ctx, row)));
  return new Map(requests.flatMap((request) => (request ? [[request.chapter.chapter, request]] : [])));
}

async function open(ctx: Context, row: Chapter & LoadedConsent): Promise<Request | null> {
  if (!row.evidence_key || !row.sealed) return null;
  const list = await listById(ctx, row.purposeId);
  const wording = list.wordings.find((one) => one.id === row.wording_id);
  if (!wording) throw new Error('a wording that was agreed to is gone');
  const key = evidenceKey(ctx.keyring, row.chapter, row.evidence_key);
  return {
    ...{ chapter: row, consent: row, list, wording, key },
    signUp: openSignUp(key, { id: row.chapter, listId: list.id, wordingId: wording.id, sealed: row.sealed }),
    maker: { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) },
  };
}

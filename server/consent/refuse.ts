import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { prepareEvent } from '../ledger/append.js';
import { act, CONSENT_COLUMNS, type LoadedConsent } from './act.js';
import { listById, type ListFacts } from './catalogue.js';
import { evidenceKey, openSignUp } from './chapter.js';
import { uuidOf } from '../links/uuid.js';
import { listRecord } from './facts.js';
import { suppressionEntry, withdrawalEntry } from './journal.js';
import { stateAfter } from './states.js';

/** For so long nobody can make us send a confirmation mail to an address whose owner said "this was not me" (C-09). */
export const BLOCK_DAYS = 90;

/** What a "not me" link stands for. */
export interface Disowned {
  readonly list: ListFacts;
  readonly language: string;
  readonly address: string;
}

interface Row {
  id: string;
  list_id: string;
  wording_id: string;
  language: string;
  evidence_key: Buffer | null;
  sealed: Buffer | null;
  consent_id: string | null;
  is_confirmed: boolean;
}

/** The sign-up that a "not me" link belongs to; changes nothing. Throws `link-expired` when it is gone. */
export async function findDisowned(ctx: Context, ref: Buffer): Promise<Disowned> {
  const row = await load(ctx, ref);
  return describe(ctx, row);
}

/** Deletes a request that its addressee did not make, and blocks further ones, in one transaction. A confirmed consent is not touched. */
export async function disown(ctx: Context, ref: Buffer): Promise<Disowned> {
  const row = await load(ctx, ref);
  const disowned = await describe(ctx, row);
  const at = ctx.now();
  const until = new Date(at.getTime() + BLOCK_DAYS * 86_400_000);
  const organisation = disowned.list.organisation.id;
  const entries = await ctx.db.transaction(async (tx) => {
    const [blocked] = await tx.query<{ hash: Buffer }>(
      `insert into suppression (organisation_id, hash, reason, until, created_at)
       select $2, u.suppression_hash, 'not-me', $3, $4 from sign_up u where u.id = $1 and u.suppression_hash is not null
       on conflict (organisation_id, hash, reason) do update set until = excluded.until returning hash`,
      [row.id, organisation, until, at],
    );
    const block = blocked ? [suppressionEntry({ organisation, hash: blocked.hash, reason: 'not-me', at, until })] : [];
    // Its links end at once; what it held of the person goes with the next purge.
    await tx.query('update offer set expires_at = $2 where sign_up_id = $1 and used_by is null and expires_at > $2', [
      row.id,
      at,
    ]);
    await tx.query('update sign_up set purge_at = $2 where id = $1 and purge_at is not null', [row.id, at]);
    const [consent] = await tx.query<LoadedConsent>(
      `select ${CONSENT_COLUMNS} from consent c where c.id = $1 and c.sign_up_id = $2`,
      [row.consent_id, row.id],
    );
    const state = consent && stateAfter(consent.state, 'refuse');
    if (consent?.state === 'refused' && consent.lastEventId)
      return [...block, withdrawalEntry(consent, consent.lastEventId, consent.stateAt)];
    if (!state || !row.evidence_key) return block;
    const wording = disowned.list.wordings.find((one) => one.id === row.wording_id);
    if (!wording) throw new Error('a wording that was shown is gone');
    const event = prepareEvent(ctx.keyring, {
      id: randomUUID(),
      signUpId: row.id,
      kind: 'refused',
      happenedAt: at,
      evidenceKey: evidenceKey(ctx.keyring, row.id, row.evidence_key),
      record: {
        ...listRecord(disowned.list, wording, row.language),
        entity: 'subject',
        cause: 'not-me',
        prev_event_commit: consent.lastCommitment?.toString('base64') ?? null,
      },
      fields: {},
    });
    if (!(await act(tx, ctx, consent, { state }, event)))
      throw new Refusal('not-now', 'Somebody else is changing the same consent.');
    return [...block, withdrawalEntry(consent, event.id, at)];
  });
  await ctx.journal.write(entries);
  ctx.bell.ring('event');
  return disowned;
}

async function load(ctx: Context, ref: Buffer): Promise<Row> {
  const [row] = await ctx.db.query<Row>(
    `select id, list_id, wording_id, language, evidence_key, sealed, consent_id,
       exists (select from offer o where o.sign_up_id = u.id and o.used_by is not null) as is_confirmed
     from sign_up u where id = $1`,
    [uuidOf(ref)],
  );
  // Whoever confirmed is on the list: they leave it by its own links, and are not muted by an old one.
  if (row?.is_confirmed) throw new Refusal('link-used', 'This request was confirmed.');
  if (!row) throw new Refusal('link-expired', 'What this link stood for is no longer there.');
  return row;
}

async function describe(ctx: Context, row: Row): Promise<Disowned> {
  if (!row.evidence_key || !row.sealed) throw new Refusal('link-expired', 'This request was deleted already.');
  const signUp = openSignUp(evidenceKey(ctx.keyring, row.id, row.evidence_key), {
    ...{ id: row.id, listId: row.list_id, wordingId: row.wording_id, sealed: row.sealed },
  });
  return { list: await listById(ctx, row.list_id), language: row.language, address: signUp.given };
}

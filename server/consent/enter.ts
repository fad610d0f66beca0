import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { blindIndex, suppressionHash } from '../keys/blind-index.js';
import { encryptField } from '../keys/field.js';
import { makeSubjectKey } from '../keys/subject-key.js';
import { appendEvents, attach, prepareEvent, type PreparedEvent } from '../ledger/append.js';
import type { ListFacts, Wording } from './catalogue.js';
import { listRecord } from './facts.js';
import { PURGE_DAYS } from './periods.js';
import type { SaidAt } from './said-at.js';
import { formatScan, type Scan } from './scan.js';
import type { SealedSignUp } from './subscribe.js';

/** A sign-up that somebody said on the phone, or wrote on paper, as staff note it. */
export interface NotedSignUp {
  readonly list: ListFacts;
  /** What was read out, or stands on the paper. */
  readonly wording: Wording;
  readonly address: { given: string; normal: string };
  readonly how: 'phone' | 'paper';
  readonly said: SaidAt;
  /** At most 2,000 characters; '': none. */
  readonly note: string;
  readonly scan: Scan | null;
  /** Who enters it: `staff:<id>`, or `operator` on the command line. */
  readonly by: string;
}

const MAX_NOTE = 2000;

/**
 * Writes down a sign-up that staff noted. It leads to the same two leaves as any other (T2), and to the same mail: no consent without the press of its button,
 * since a mail proves nothing about a call (BGH I ZR 164/09). Returns the sign-up's id. Throws `body-invalid` without a note or scan, and for a call without its
 * time; `list-unknown` for a list that somebody rewrote by SQL (T6).
 */
export async function enterSignUp(ctx: Context, input: NotedSignUp): Promise<string> {
  check(input);
  const id = randomUUID();
  const at = ctx.now();
  const { list, wording, address, how, said } = input;
  const evidence = makeSubjectKey(ctx.keyring, { table: 'sign_up', column: 'evidence_key', row: id });
  const sealed: SealedSignUp = {
    ...{ listId: list.id, wordingId: wording.id, formHost: '', given: address.given, normal: address.normal },
    noted: { how, saidAt: said.at.toISOString() },
  };
  const event = requested(ctx, id, evidence.key, input, at);
  const organisation = list.organisation.id;
  await ctx.db.transaction(async (tx) => {
    await appendEvents(tx, [event]);
    await attach(tx, id, event);
    await tx.query(
      `insert into sign_up (id, list_id, wording_id, source, language, blind_index, suppression_hash, evidence_key, sealed, requested_commitment, requested_at, purge_at)
       values ($1, $2, $3, 'staff', $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        ...[id, list.id, wording.id, wording.language],
        ...[
          blindIndex(ctx.keyring, organisation, address.normal),
          suppressionHash(ctx.keyring, organisation, address.normal),
        ],
        evidence.wrapped,
        encryptField(evidence.key, { table: 'sign_up', column: 'sealed', row: id }, JSON.stringify(sealed)),
        ...[event.commitment, at, new Date(at.getTime() + PURGE_DAYS * 86_400_000)],
      ],
    );
  });
  ctx.bell.ring('sign-up');
  ctx.bell.ring('event');
  return id;
}

function check({ list, how, said, note, scan }: NotedSignUp): void {
  if (!list.organisation.isOurs) throw new Refusal('list-unknown', 'This list takes no sign-ups at present.');
  if (how === 'phone' && said.isDay) throw new Refusal('body-invalid', 'Of a call, the time is needed too.');
  if (note.trim() === '' && !scan)
    throw new Refusal('body-invalid', 'A note or a scan is needed: without either nothing shows what was said.');
  if (note.length > MAX_NOTE) throw new Refusal('body-invalid', `A note has at most ${MAX_NOTE} characters.`);
}

function requested(ctx: Context, id: string, evidenceKey: Buffer, input: NotedSignUp, at: Date): PreparedEvent {
  const { list, wording, address, note, scan } = input;
  return prepareEvent(ctx.keyring, {
    ...{ id: randomUUID(), signUpId: id, kind: 'requested', happenedAt: at, evidenceKey },
    record: {
      ...listRecord(list, wording, wording.language),
      collection_method: input.how,
      said_at: input.said.text,
      entity: input.by,
      prev_event_commit: null,
    },
    fields: {
      address: address.given,
      ...(note.trim() === '' ? {} : { note: note.trim() }),
      ...(scan ? { scan: formatScan(scan) } : {}),
    },
  });
}

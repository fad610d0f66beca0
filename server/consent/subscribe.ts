import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { gather } from '../database/gather.js';
import { columnsOf, unnest } from '../database/rows.js';
import { Refusal } from '../errors.js';
import { blindIndex, suppressionHash } from '../keys/blind-index.js';
import { encryptField } from '../keys/field.js';
import { makeSubjectKey } from '../keys/subject-key.js';
import type { FormEvidence } from '../ledger/evidence.js';
import { appendSql, EVENT_COLUMNS, eventColumns, prepareEvent, type PreparedEvent } from '../ledger/append.js';
import type { Attributes } from './attributes.js';
import type { ListFacts, Wording } from './catalogue.js';
import { listRecord } from './facts.js';
import { PURGE_DAYS } from './periods.js';

/** A sign-up that ticked the box. Everything in it that names a person leaves this process only encrypted. */
export interface SignUpInput {
  readonly list: ListFacts;
  readonly wording: Wording;
  readonly language: string;
  readonly address: { given: string; normal: string };
  /** Host of the page that the form stood on. */
  readonly formHost: string;
  /** Absent: there was none. */
  readonly form?: FormEvidence;
  readonly source: 'form' | 'settings';
  /** Absent: all of the list. */
  readonly topics?: readonly string[];
  /** What else the form told, of what the organisation asks for. */
  readonly attributes?: Attributes;
  readonly ip: string;
  readonly userAgent: string;
}

/** What the worker reads back of a sign-up. */
export interface SealedSignUp {
  readonly listId: string;
  readonly wordingId: string;
  readonly given: string;
  readonly normal: string;
  readonly formHost: string;
  /** What staff noted; `saidAt` is a moment of it. */
  readonly topics?: readonly string[];
  readonly attributes?: Attributes;
  readonly noted?: { readonly how: 'phone' | 'paper'; readonly saidAt: string };
}

/**
 * Writes a sign-up and its `requested` event down in one statement (with those of the same moment), the same for every state of the address: nothing is looked
 * up, so nothing can be told from the answer (T2, L-11). The worker decides afterwards which mail goes. Returns the sign-up's id. Throws `list-unknown` for a
 * list that somebody rewrote by SQL (T6).
 */
export async function subscribe(ctx: Context, input: SignUpInput): Promise<string> {
  const id = randomUUID();
  const at = ctx.now();
  const { list, address, wording, language } = input;
  if (!list.organisation.isOurs) throw new Refusal('list-unknown', 'This list takes no sign-ups at present.');
  const evidence = makeSubjectKey(ctx.keyring, { table: 'sign_up', column: 'evidence_key', row: id });
  const event = prepareEvent(ctx.keyring, {
    id: randomUUID(),
    signUpId: id,
    kind: 'requested',
    happenedAt: at,
    evidenceKey: evidence.key,
    record: {
      ...listRecord(list, wording, language),
      collection_method: input.source === 'form' ? 'web-form' : 'settings-page',
      ...(input.form ? { form: input.form } : {}),
      entity: 'subject',
      prev_event_commit: null,
    },
    fields: { address: address.given, ip: input.ip, user_agent: input.userAgent },
  });
  const sealed: SealedSignUp = {
    ...{ listId: list.id, wordingId: wording.id, formHost: input.formHost },
    ...{ given: address.given, normal: address.normal },
    ...(input.topics && input.topics.length > 0 ? { topics: input.topics } : {}),
    ...(input.attributes && Object.keys(input.attributes).length > 0 ? { attributes: input.attributes } : {}),
  };
  await write(ctx, {
    event,
    row: [
      ...[id, list.id, wording.id, input.source, language],
      ...[
        blindIndex(ctx.keyring, list.organisation.id, address.normal),
        suppressionHash(ctx.keyring, list.organisation.id, address.normal),
      ],
      ...[
        evidence.wrapped,
        encryptField(evidence.key, { table: 'sign_up', column: 'sealed', row: id }, JSON.stringify(sealed)),
      ],
      ...[event.commitment, at, new Date(at.getTime() + PURGE_DAYS * 86_400_000)],
    ],
  });
  ctx.bell.ring('sign-up');
  ctx.bell.ring('event');
  return id;
}

const ROW = [
  ...[
    'id uuid',
    'list_id uuid',
    'wording_id uuid',
    'source text',
    'language text',
    'blind_index bytea',
    'suppression_hash bytea',
  ],
  ...[
    'evidence_key bytea',
    'sealed bytea',
    'requested_commitment bytea',
    'requested_at timestamptz',
    'purge_at timestamptz',
  ],
];

/** Sign-ups of the same moment share a statement and its commit. */
const write = gather<{ event: PreparedEvent; row: readonly unknown[] }, null>(async (ctx, all) => {
  const names = ROW.map((column) => column.split(' ')[0]).join(', ');
  await ctx.db.prepared(
    `with ${appendSql(1)} insert into sign_up (${names}) select * from ${unnest(EVENT_COLUMNS + 1, ROW)}`,
    [
      ...eventColumns(all.map(({ event }) => event)),
      ...columnsOf(
        all.map(({ row }) => row),
        ROW.length,
      ),
    ],
  );
  return all.map(() => null);
});

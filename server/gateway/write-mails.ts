import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { columnsOf, unnest } from '../database/rows.js';
import { sealChunk, sealMail, sealPeople, sealSubject, wrapMailKey, type SkippedPerson } from './mail.js';

/** A mail that came in, as it is written down. */
export interface NewMail {
  readonly id: string;
  readonly organisationId: string;
  readonly credentialId: string;
  readonly listId: string | null;
  readonly bytes: number;
  readonly recipients: number;
  /** Why the whole mail was refused; null: it is taken. */
  readonly refusal: string | null;
  readonly skipped: { readonly counts: Readonly<Record<string, number>>; readonly people: readonly SkippedPerson[] };
  readonly receivedAt: Date;
  /** Under which its bytes lie. */
  readonly key: Buffer;
  readonly subject: string;
  /** Of a small mail that is taken; null: they lie in the database already, or there are none. */
  readonly raw: Buffer | null;
}

const MAIL = [
  ...['id uuid', 'organisation uuid', 'credential uuid', 'list uuid', 'bytes integer', 'recipients integer'],
  ...['refusal text', 'skipped jsonb', 'key bytea', 'subject bytea', 'people bytea', 'at timestamptz'],
  ...['done timestamptz', 'seal bytea', 'body bytea'],
];

/** Writes mails with their bytes, in one statement; returns the ids of those whose credential is not revoked. The others are not written. */
export async function writeMails(on: Queryable, ctx: Context, mails: readonly NewMail[]): Promise<Set<string>> {
  const rows = await on.query<{ id: string }>(
    `with good as (select id from gateway_credential where id = any($${MAIL.length + 1}::uuid[]) and revoked_at is null for share),
     given as (select * from ${unnest(1, MAIL)} where row.credential in (select id from good)),
     chunk as (insert into gateway_chunk (mail_id, place, body, created_at) select id, 0, body, at from given where body is not null)
     insert into gateway_mail (id, organisation_id, credential_id, list_id, bytes, recipients, refusal, skipped, mail_key, subject, skipped_people, received_at, done_at, seal)
     select id, organisation, credential, list, bytes, recipients, refusal, skipped, key, subject, people, at, done, seal from given returning id`,
    [
      ...columnsOf(
        mails.map((mail) => rowOf(ctx, mail)),
        MAIL.length,
      ),
      [...new Set(mails.map((mail) => mail.credentialId))],
    ],
  );
  return new Set(rows.map(({ id }) => id));
}

function rowOf(ctx: Context, mail: NewMail): unknown[] {
  const { id, key, skipped } = mail;
  const isTaken = mail.refusal === null;
  return [
    ...[id, mail.organisationId, mail.credentialId, mail.listId, mail.bytes, mail.recipients],
    ...[mail.refusal, JSON.stringify(skipped.counts), wrapMailKey(ctx.keyring, id, key)],
    sealSubject(key, id, mail.subject),
    skipped.people.length > 0 ? sealPeople(key, id, skipped.people) : null,
    ...[mail.receivedAt, isTaken && mail.recipients > 0 ? null : mail.receivedAt, sealMail(ctx.keyring, mail)],
    mail.raw && mail.recipients > 0 ? sealChunk(key, id, 0, mail.raw) : null,
  ];
}

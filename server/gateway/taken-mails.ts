import { catalogue, type ListFacts, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { prepareMessage, type PreparedMessage } from '../mail/footer-engine.js';
import { withLineEnds } from '../mail/transfer.js';
import { isOurMail, openChunk, openMailKey, type SealedMail } from './mail.js';
import { CHUNK_BYTES, readSpool } from './spool.js';

/** A mail that was taken and still has its bytes. */
export interface TakenMail {
  readonly id: string;
  readonly bytes: number;
  readonly organisation: OrganisationFacts;
  /** null: transactional. */
  readonly list: ListFacts | null;
  /** It fits into memory beside others. */
  readonly isSmall: boolean;
  /** Reads it, or has it still. Of a large one only in turn. */
  open(): Promise<OpenMail>;
}

/** The bytes of a mail, with CRLF line ends, ready for any number of recipients. */
export interface OpenMail {
  readonly raw: Buffer;
  /** null: transactional, it gets no footer. */
  readonly prepared: PreparedMessage | null;
}

type Row = SealedMail & { bytes: number; seal: Buffer; mailKey: Buffer | null; first: Buffer | null };

/** Small ones are kept for the next handful of their recipients, up to so many bytes; and one large one. */
const KEPT_BYTES = 16 * 1024 * 1024;
const kept = new WeakMap<Context, Map<string, OpenMail>>();

/**
 * Mails by their ids, in one query with the bytes of those that are small; for each other why it cannot be sent: `unknown`, or `seal` when the row is not what we
 * wrote (T6).
 */
export async function takenMails(ctx: Context, ids: readonly string[]): Promise<Map<string, TakenMail | string>> {
  const known = await catalogue(ctx);
  const keep = kept.get(ctx) ?? new Map<string, OpenMail>();
  kept.set(ctx, keep);
  const rows = await ctx.db.query<Row>(
    `select m.id, m.organisation_id as "organisationId", m.credential_id as "credentialId", m.list_id as "listId", m.refusal, m.received_at as "receivedAt", m.bytes,
       m.seal, m.mail_key as "mailKey", case when m.bytes <= ${CHUNK_BYTES} and m.id <> all($2::uuid[]) then c.body end as first
     from gateway_mail m left join gateway_chunk c on c.mail_id = m.id and c.place = 0 where m.id = any($1::uuid[])`,
    [ids, [...keep.keys()]],
  );
  const found = new Map<string, TakenMail | string>(ids.map((id) => [id, 'unknown']));
  for (const row of rows) {
    const organisation = known.organisations.find((one) => one.id === row.organisationId);
    const list = known.lists.find((one) => one.id === row.listId) ?? null;
    if (!isOurMail(ctx.keyring, row) || !organisation || row.refusal !== null) found.set(row.id, 'seal');
    else if (row.mailKey)
      found.set(row.id, makeTaken(ctx, keep, { ...row, mailKey: row.mailKey }, { organisation, list }));
  }
  return found;
}

function makeTaken(
  ctx: Context,
  keep: Map<string, OpenMail>,
  row: Row & { mailKey: Buffer },
  whose: Pick<TakenMail, 'organisation' | 'list'>,
): TakenMail {
  const { id, bytes, mailKey, first } = row;
  const isSmall = bytes <= CHUNK_BYTES;
  return {
    ...{ id, bytes, isSmall, ...whose },
    open: async () => {
      const before = keep.get(id);
      if (before) return before;
      const key = openMailKey(ctx.keyring, id, mailKey);
      const raw = first ? openChunk(key, id, 0, first) : await readSpool(ctx.db, { id, key, bytes });
      const opened = whose.list
        ? prepared(prepareMessage(raw, { signed: 'wrap' }))
        : { raw: withLineEnds(raw, '\r\n'), prepared: null };
      makeRoom(keep, isSmall ? KEPT_BYTES - bytes : 0);
      keep.set(id, opened);
      return opened;
    },
  };
}

function prepared(message: PreparedMessage): OpenMail {
  return { raw: message.raw, prepared: message };
}

// The oldest go first. A large one is alone.
function makeRoom(keep: Map<string, OpenMail>, most: number): void {
  let bytes = [...keep.values()].reduce((sum, { raw }) => sum + raw.length, 0);
  for (const [id, { raw }] of keep) {
    if (bytes <= most) return;
    keep.delete(id);
    bytes -= raw.length;
  }
}

import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { gather } from '../database/gather.js';
import { openAddress } from './subscriber.js';
import { CONSENT_COLUMNS, isOurConsent, type LoadedConsent } from './act.js';

/** A consent with the person and the chapter that it belongs to. */
export interface ConsentOfPerson {
  readonly consent: LoadedConsent;
  readonly subscriberId: string;
  readonly organisationId: string;
  readonly listId: string;
  readonly language: string;
  /** null once erased, and where the row is not what we wrote: nobody is shown or mailed by such a one (T6). */
  readonly address: string | null;
  readonly isOurs: boolean;
  readonly wordingId: string;
  readonly evidenceKeyWrapped: Buffer | null;
  readonly suppressionHash: Buffer | null;
}

/** By which of its refs a consent is asked for. */
export type RefColumn = 'unsubscribe_ref' | 'preferences_ref' | 'mailto_ref';

type Row = LoadedConsent & {
  organisation_id: string;
  language: string;
  profile_key: Buffer | null;
  address: Buffer | null;
  suppression_hash: Buffer | null;
  wording_id: string;
  evidence_key: Buffer | null;
};

const SELECT = `select ${CONSENT_COLUMNS}, s.organisation_id, s.language, s.profile_key, s.address, s.suppression_hash, u.wording_id, u.evidence_key
  from consent c join subscriber s on s.id = c.subscriber_id join sign_up u on u.id = c.sign_up_id`;

/** The consent that a link's ref names, or null (erased, or never ours). */
export async function consentByRef(ctx: Context, column: RefColumn, ref: Buffer): Promise<ConsentOfPerson | null> {
  const row = await rowBy[column](ctx, ref);
  return row ? open(ctx, row) : null;
}

const rowBy = {
  unsubscribe_ref: gatherBy('unsubscribe_ref', 'unsubscribeRef'),
  preferences_ref: gatherBy('preferences_ref', 'preferencesRef'),
  mailto_ref: gatherBy('mailto_ref', 'mailtoRef'),
};

/** People who open their pages at the same moment are looked up together. */
function gatherBy(column: RefColumn, key: 'unsubscribeRef' | 'preferencesRef' | 'mailtoRef') {
  return gather<Buffer, Row | null>(async (ctx, refs) => {
    const rows = await ctx.db.prepared<Row>(`${SELECT} where c.${column} = any($1::bytea[])`, [refs]);
    const found = new Map(rows.map((row) => [row[key].toString('latin1'), row]));
    return refs.map((ref) => found.get(ref.toString('latin1')) ?? null);
  });
}

/** All consents of a subscriber, in the order in which they began. */
export async function consentsOf(ctx: Context, on: Queryable, subscriberId: string): Promise<ConsentOfPerson[]> {
  const rows = await on.query<Row>(`${SELECT} where c.subscriber_id = $1 order by u.requested_at, c.id`, [
    subscriberId,
  ]);
  return rows.map((row) => open(ctx, row));
}

/** A consent by its id. */
export async function consentById(ctx: Context, id: string): Promise<ConsentOfPerson | null> {
  const [row] = await ctx.db.prepared<Row>(`${SELECT} where c.id = $1`, [id]);
  return row ? open(ctx, row) : null;
}

function open(ctx: Pick<Context, 'keyring'>, row: Row): ConsentOfPerson {
  const isOurs = isOurConsent(ctx.keyring, row);
  return {
    consent: row,
    isOurs,
    subscriberId: row.subscriberId,
    organisationId: row.organisation_id,
    listId: row.purposeId,
    language: row.language,
    address:
      row.profile_key && row.address && isOurs
        ? openAddress(ctx.keyring, { id: row.subscriberId, profileKey: row.profile_key, address: row.address })
        : null,
    wordingId: row.wording_id,
    evidenceKeyWrapped: row.evidence_key,
    suppressionHash: row.suppression_hash,
  };
}

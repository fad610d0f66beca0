import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { OrganisationFacts } from '../consent/catalogue.js';
import { uuidOf } from '../links/uuid.js';
import { isOurSubscriber } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import { queueDeliveries } from '../delivery/queue.js';
import { Refusal } from '../errors.js';
import { blindIndex } from '../keys/blind-index.js';
import { knownKey } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';
import type { Link } from '../links/token.js';

/** Unused links a person may be sent within an hour and a day: enough for every honest need, too few for a bomb (T8). */
const PER_HOUR = 3;
const PER_DAY = 10;
/** A link lives 30 minutes: whoever asked longer ago does not wait for it. In hours. */
const ANSWERED_WITHIN = 24;

/** Notes that somebody wants the settings link of an address. Looks nothing up: the worker decides (T2). */
export async function askForMagicLink(
  ctx: Context,
  ask: { organisation: OrganisationFacts; normal: string; language: string },
): Promise<void> {
  const asked: Asked = {
    id: randomUUID(),
    organisationId: ask.organisation.id,
    blindIndex: blindIndex(ctx.keyring, ask.organisation.id, ask.normal),
    requestedAt: ctx.now(),
  };
  await ctx.db.query(
    'insert into magic_request (id, organisation_id, blind_index, language, requested_at, seal) values ($1, $2, $3, $4, $5, $6)',
    [
      ...[asked.id, asked.organisationId, asked.blindIndex, ask.language, asked.requestedAt],
      seal(ctx.keyring, 'magic-request', sealedParts(asked)),
    ],
  );
  ctx.bell.ring('sign-up');
}

/** Queues the mails of waiting requests: for known addresses within the budget, else none, nor for requests that we did not write (T6). Returns how many requests were decided. */
export async function decideMagicRequests(ctx: Context, most = 50): Promise<number> {
  const at = ctx.now();
  const decided = await ctx.db.transaction(async (tx) => {
    const rows = await tx.query<Request>(
      `select r.id, r.organisation_id as "organisationId", r.blind_index as "blindIndex", r.requested_at as "requestedAt", r.seal, s.id as subscriber_id,
         s.profile_key as "profileKey", s.address,
         (select count(*)::int from magic_link l where l.subscriber_id = s.id and l.used_at is null and l.created_at > $2::timestamptz - interval '1 hour') as hour,
         (select count(*)::int from magic_link l where l.subscriber_id = s.id and l.used_at is null and l.created_at > $2::timestamptz - interval '1 day') as day
       from magic_request r left join subscriber s on s.organisation_id = r.organisation_id and s.blind_index = r.blind_index and s.erased_at is null
       where r.decided_at is null order by r.requested_at limit $1 for update of r skip locked`,
      [most, at],
    );
    const sent = new Set<string>();
    for (const row of rows) {
      const within =
        !ctx.config.abuseLimits || (row.hour < PER_HOUR && row.day < PER_DAY && !sent.has(row.subscriber_id ?? ''));
      if (!row.subscriber_id || !within) continue;
      if (!isOurs(ctx, row, row.subscriber_id)) {
        ctx.logger.error({ request: row.id }, 'a request for a link that we did not write was not answered');
        continue;
      }
      sent.add(row.subscriber_id);
      await queueDeliveries(
        tx,
        ctx,
        [{ messageId: row.id, subscriberId: row.subscriber_id, kind: 'notice', template: 'magic', consentId: null }],
        at,
      );
    }
    if (rows.length > 0)
      await tx.query('update magic_request set decided_at = $2 where id = any($1)', [rows.map((row) => row.id), at]);
    return rows.length;
  });
  if (decided > 0) ctx.bell.ring('mail');
  return decided;
}

interface Asked {
  readonly id: string;
  readonly organisationId: string;
  readonly blindIndex: Buffer;
  readonly requestedAt: Date;
}

type Request = Asked & {
  readonly seal: Buffer;
  readonly subscriber_id: string | null;
  readonly profileKey: Buffer | null;
  readonly address: Buffer | null;
  readonly hour: number;
  readonly day: number;
};

function sealedParts(asked: Asked): (string | Buffer | Date)[] {
  return [asked.id, asked.organisationId, asked.blindIndex, asked.requestedAt];
}

function isOurs(ctx: Context, row: Request, subscriberId: string): boolean {
  return (
    ctx.now().getTime() - row.requestedAt.getTime() < ANSWERED_WITHIN * 3_600_000 &&
    isSealed(ctx.keyring, 'magic-request', sealedParts(row), row.seal) &&
    isOurSubscriber(ctx.keyring, { ...row, id: subscriberId })
  );
}

/** Mints a link for a mail that is being built: its secret exists only there. Returns the ref and the secret. */
export async function mintMagicLink(
  ctx: Context,
  subscriberId: string,
  expiresAt: Date,
): Promise<{ ref: Buffer; secret: Buffer }> {
  const [ref, secret] = [randomBytes(16), randomBytes(16)];
  await ctx.db.query(
    'insert into magic_link (id, subscriber_id, secret_hash, created_at, expires_at) values ($1, $2, $3, $4, $5)',
    [uuidOf(ref), subscriberId, secretHash(ctx, subscriberId, secret), ctx.now(), expiresAt],
  );
  return { ref, secret };
}

/** Uses a magic link up and returns whose it is: its mailbox takes mail, so that former bounces count no more. Throws `link-used` the second time, and `link-expired` when it stands for nothing. */
export async function useMagicLink(ctx: Context, link: Link): Promise<string> {
  const at = ctx.now();
  const row = await findMagicLink(ctx, link);
  const used = await ctx.db.query<{ id: string }>(
    `with used as (update magic_link set used_at = $2 where id = $1 and used_at is null returning id, subscriber_id),
       lifted as (delete from suppression x using used join subscriber s on s.id = used.subscriber_id
         where x.organisation_id = s.organisation_id and x.hash = s.suppression_hash and x.reason = 'bounce')
     select id from used`,
    [uuidOf(link.ref), at],
  );
  if (used.length === 0) throw new Refusal('link-used', 'This link was already used.');
  return row.subscriberId;
}

/** Whose link this is; changes nothing. Throws as `useMagicLink`. */
export async function findMagicLink(
  ctx: Context,
  link: Link,
): Promise<{ subscriberId: string; organisationId: string; language: string }> {
  const [row] = await ctx.db.query<{
    subscriberId: string;
    organisationId: string;
    language: string;
    secret_hash: Buffer;
    used_at: Date | null;
  }>(
    `select l.subscriber_id as "subscriberId", s.organisation_id as "organisationId", s.language, l.secret_hash, l.used_at
     from magic_link l join subscriber s on s.id = l.subscriber_id where l.id = $1 and s.erased_at is null`,
    [uuidOf(link.ref)],
  );
  const hash = row && link.secret && secretHash(ctx, row.subscriberId, link.secret);
  if (!hash || row.secret_hash.length !== hash.length || !timingSafeEqual(hash, row.secret_hash)) {
    throw new Refusal('link-expired', 'What this link stood for is no longer there.', { expiresAt: link.expiresAt });
  }
  if (row.used_at) throw new Refusal('link-used', 'This link was already used.');
  return row;
}

// Bound to the person under a key: whoever got a link of their own cannot point it at another's settings by SQL (T6).
function secretHash(ctx: Context, subscriberId: string, secret: Buffer): Buffer {
  return createHmac('sha256', knownKey(ctx.keyring, 'pepper', Math.min(...ctx.keyring.ids)))
    .update(`magic\0${subscriberId}\0`)
    .update(secret)
    .digest();
}

import type { Context } from '../context.js';

const PAGE = 500;
/** No mail takes so long to come in: pieces that belong to none by then were left behind by a crash. */
const ORPHAN_HOURS = 3;
/** Who was refused or skipped, and the subjects of what was refused whole, are shown for so long. */
const DETAIL_DAYS = 7;
/** A recipient who is on no list is known for so long after the last mail: until then it may bounce (T13). */
const STRANGER_DAYS = 15;

/** Deletes the bytes and subjects of mails of which every recipient has an outcome (T12). Returns how many. */
export async function emptySpool(ctx: Context): Promise<number> {
  const done = await ctx.db.query(
    `with over as (
       select m.id from gateway_mail m where m.done_at is null
         and not exists (select from delivery d where d.message_id = m.id and d.state = 'sending')
         and not exists (select from delivery d where d.message_id = m.id and d.state in ('queued', 'deferred', 'unknown') and d.settled_at is null)
       order by m.received_at limit ${PAGE} for update skip locked),
     emptied as (delete from gateway_chunk c using over where c.mail_id = over.id)
     update gateway_mail m set done_at = $1, subject = null, mail_key = case when m.skipped_people is null then null else m.mail_key end
     from over where m.id = over.id returning 1`,
    [ctx.now()],
  );
  return done.length;
}

/** Forgets what a crash left behind, details whose time is over, and strangers who only ever got mail of no list. */
export async function sweepGateway(ctx: Context): Promise<number> {
  const now = ctx.now();
  await ctx.db.query(
    `delete from gateway_chunk c where c.created_at < $1::timestamptz - interval '${ORPHAN_HOURS} hours'
       and not exists (select from gateway_mail m where m.id = c.mail_id)`,
    [now],
  );
  await ctx.db.query(
    `update gateway_mail set mail_key = null, subject = null, skipped_people = null
     where mail_key is not null and done_at is not null and received_at < $1::timestamptz - interval '${DETAIL_DAYS} days'`,
    [now],
  );
  await ctx.db.query(`delete from gateway_use where day < ($1::timestamptz - interval '2 days')::date`, [now]);
  await ctx.db.query(
    `update subscriber s set blind_index = null, suppression_hash = null, profile_key = null, address = null, erased_at = $1
     where s.erased_at is null and s.restricted_at is null and s.created_at < $1::timestamptz - interval '${STRANGER_DAYS} days'
       and not exists (select from consent c where c.subscriber_id = s.id)
       and exists (select from delivery d where d.subscriber_id = s.id and d.template in ('gateway', 'report'))
       and not exists (select from delivery d where d.subscriber_id = s.id
         and (d.state in ('queued', 'sending', 'deferred', 'unknown') and d.settled_at is null or d.settled_at > $1::timestamptz - interval '${STRANGER_DAYS} days'))`,
    [now],
  );
  return 0;
}

import type { Context } from '../context.js';
import { gather } from '../database/gather.js';
import { queueDeliveries, type NewDelivery } from '../delivery/queue.js';
import { writeMails, type NewMail } from './write-mails.js';

/** A mail of a list with its deliveries. */
export interface MailToTake {
  readonly mail: NewMail;
  readonly deliveries: readonly NewDelivery[];
}

/**
 * Takes a mail: its bytes and all its deliveries are committed when this resolves, and 250 may be said (promise 2). Mails of the same moment share a transaction.
 * False when the credential was revoked meanwhile: nothing was written.
 */
export const takeMail = gather<MailToTake, boolean>(async (ctx, batch) => {
  const taken = await ctx.db.transaction(async (tx) => {
    const written = await writeMails(
      tx,
      ctx,
      batch.map(({ mail }) => mail),
    );
    const deliveries = batch.filter(({ mail }) => written.has(mail.id)).flatMap((one) => one.deliveries);
    await queueDeliveries(tx, ctx, deliveries, ctx.now());
    return written;
  });
  ctx.bell.ring('mail');
  return batch.map(({ mail }) => taken.has(mail.id));
});

/** Writes down that a mail was refused whole, so that staff see why. Nothing of its content is kept but the subject, for a week. */
export async function noteRefusedMail(ctx: Context, mail: NewMail): Promise<void> {
  await writeMails(ctx.db, ctx, [mail]);
}

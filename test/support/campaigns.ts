import { randomUUID } from 'node:crypto';
import type { Context } from '../../server/context.js';
import type { Builder } from '../../server/delivery/built-mail.js';

/** A campaign that is being sent, whose mails a test queues itself; its id. It carries no seal: only a builder of the test's own makes mails of it. */
export async function bareCampaign(ctx: Context, id: string = randomUUID()): Promise<string> {
  await ctx.db.query(
    `insert into campaign (id, list_id, subject, format, file_name, source, html, text, state, created_at, released_at, fanned_out_at)
     select $1, id, 'Bare', 'html', 'bare.html', '', '', '', 'sending', $2, $2, $2 from list limit 1`,
    [id, ctx.now()],
  );
  return id;
}

/** Writes mails that say hardly anything. */
export const letter: Builder = async (_ctx, mails) =>
  Promise.resolve(
    mails.map((delivery) => ({
      delivery,
      from: 'letters@bookshop.example',
      message: Buffer.from(`Message-ID: <${delivery.subscriberId}@x>\r\nSubject: Hi\r\n\r\n`),
    })),
  );

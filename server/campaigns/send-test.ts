import { randomUUID } from 'node:crypto';
import type { ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { deliverDirect, type WayOut } from '../delivery/deliver.js';
import { mailableAddress } from '../mail/address.js';
import { finishMail } from './builder.js';
import { withPictures } from './content.js';
import { footerLanguage, type CampaignContent } from './prepare.js';
import { makeReady } from './ready.js';
import { samplePerson } from './sample.js';

/**
 * Sends a campaign as it will arrive to the staff member who asks, and to nobody else (T11). Its links belong to a made-up
 * person; its subject begins with "[Test]". Throws `template-refused` as `prepareMail`.
 */
export async function sendTest(
  ctx: Context,
  pool: WayOut,
  test: { list: ListFacts; content: CampaignContent; language: string; to: string },
): ReturnType<typeof deliverDirect> {
  const { organisation } = test.list;
  const to = mailableAddress(test.to);
  const language = footerLanguage(test.list, test.language);
  const content = { ...test.content, subject: `[Test] ${test.content.subject}` };
  const message = await finishMail(
    ctx,
    organisation,
    makeReady(ctx, test.list, await withPictures(ctx.db, content), { language, why: 'confirmed' }),
    {
      recipient: samplePerson(ctx, to),
      language,
      messageId: `test.${randomUUID()}`,
    },
  );
  return deliverDirect(ctx, pool, { from: organisation.fromAddress, to, message });
}

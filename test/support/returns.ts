import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { setup } from '../../server/consent/setup.js';
import { forgetCatalogue } from '../../server/consent/catalogue.js';
import { readFileName } from '../../server/mailbox/mail-id.js';
import { handIn, type Said } from './provider.js';
import { withReplies } from './replies.js';
import type { ReceivedMail, TestService } from './service.js';

/** Gives the demo organisation a domain where mail comes back to. */
export async function takeMailIn({ ctx }: Pick<TestService, 'ctx'>): Promise<void> {
  const set = withReplies();
  for (const list of set.lists) list.confirmByReply = false;
  await setup(ctx, set);
  forgetCatalogue(ctx);
}

/** The envelope sender of a mail in the built-in mailbox. */
export async function returnPathOf(service: TestService, { id }: Pick<ReceivedMail, 'id'>): Promise<string> {
  const names = await readdir(join(service.dataDir, 'data', 'mailbox'));
  const found = names.map(readFileName).find((mail) => mail?.id === id);
  expect(found, 'the mail in the mailbox').to.not.equal(undefined);
  return found?.envelopeFrom ?? '';
}

/** Brings a report to one of our addresses, as a mail server does: without a sender. */
export async function report(service: TestService, to: string, raw: string, sender = ''): Promise<Said> {
  return handIn(service, Buffer.from(raw), { sender, to });
}

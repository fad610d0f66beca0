import { join } from 'node:path';
import { ROOT } from '../config.js';
import type { Context } from '../context.js';
import { readMailTemplates } from '../mail/compose.js';
import { startMailbox } from '../mailbox/listen.js';
import { openMailbox } from '../mailbox/store.js';
import { loadCatalogs } from '../web/i18n.js';
import { startWorker } from './worker.js';

/** A worker for a command that runs while no service does. Resolves to what stops it. */
export async function runSenderFor(ctx: Context): Promise<() => Promise<void>> {
  const catalogs = loadCatalogs(ROOT);
  const mailbox = ctx.config.smtpUrl
    ? null
    : await startMailbox({ mailbox: await openMailbox(join(ctx.config.dataDir, 'mailbox')), logger: ctx.logger });
  const smtpUrl = ctx.config.smtpUrl ?? mailbox?.url ?? '';
  const worker = await startWorker(ctx, {
    smtpUrl,
    templates: readMailTemplates(ROOT, catalogs),
  });
  return async () => {
    await worker.stop();
    await mailbox?.stop();
  };
}

import type { SetList } from '../consent/setup.js';
import type { Context } from '../context.js';
import { CONFIRM_DAYS, hostOf } from '../links/urls.js';
import type { MailTemplates } from '../mail/compose.js';
import { lintConfirmation } from '../mail/lint-confirmation.js';
import { composeConfirmation } from './compose-confirmation.js';

/** What makes the confirmation mail of a list an advertisement (C-04), read in the very mail that would leave; empty when it is clean. */
export function confirmationFaults(
  ctx: Pick<Context, 'publicUrl' | 'now'>,
  templates: MailTemplates,
  list: SetList,
): string[] {
  const now = ctx.now();
  const draft = {
    ...list,
    byReply: list.confirmByReply,
    formHost: hostOf(list.organisation.publicUrl ?? ctx.publicUrl),
    requestedAt: now,
  };
  const expiresAt = new Date(now.getTime() + CONFIRM_DAYS * 86_400_000);
  return lintConfirmation({ ...list, ...composeConfirmation(ctx, templates, draft, expiresAt) });
}

import type { SetList } from '../consent/setup.js';
import type { Context } from '../context.js';
import { CONFIRM_DAYS, hostOf } from '../links/urls.js';
import type { MailOrigin, MailTemplates } from '../mail/compose.js';
import { lintConfirmation } from '../mail/lint-confirmation.js';
import { composeConfirmation } from './compose-confirmation.js';

/** What makes the confirmation mail of a list an advertisement (C-04), read in the very mail that would leave; empty when it is clean. */
export function confirmationFaults(
  ctx: Pick<Context, 'publicUrl' | 'now'>,
  templates: MailTemplates,
  list: SetList,
): string[] {
  const now = ctx.now();
  const expiresAt = new Date(now.getTime() + CONFIRM_DAYS * 86_400_000);
  const host = hostOf(list.organisation.publicUrl ?? ctx.publicUrl);
  const origins: MailOrigin[] = [{ kind: 'form', host }, { kind: 'phone' }, { kind: 'paper' }];
  const faults = origins.flatMap((origin) => {
    const draft = { ...list, byReply: list.confirmByReply, origin, askedAt: now, requestedAt: now };
    return lintConfirmation({ ...list, ...composeConfirmation(ctx, templates, draft, expiresAt) });
  });
  return [...new Set(faults)];
}

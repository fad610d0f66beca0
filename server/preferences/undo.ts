import type { Frequency } from '../../entities/consent.js';
import type { Context } from '../context.js';
import { isStamped, makeStamp } from '../links/stamp.js';
import type { Undo } from '../web/pages.js';
import type { Settings } from './preferences.js';

/** For so long whoever just changed something can take it back in the same browser (L-08), in minutes. */
export const UNDO_MINUTES = 30;

/** The undo button of a withdrawal. It works as long as nothing else happened since. */
export function undoLeaving(ctx: Context, action: string, consentId: string, eventId: string): Undo {
  return undo(ctx, action, `leave~${eventId}`, consentId);
}

/** The undo button of changed settings: it brings the former ones back. */
export function undoSettings(ctx: Context, action: string, consentId: string, before: Settings): Undo {
  return undo(ctx, action, `set~${before.frequency}~${before.pausedUntil?.getTime().toString(36) ?? ''}`, consentId);
}

/** What an undo field brings back, or null when we did not sign it for this consent, or too long ago. */
export function openUndo(
  ctx: Context,
  value: string,
  consentId: string,
): { leftBy: string } | { settings: Settings } | null {
  const cut = value.lastIndexOf('~');
  const [what, stamp] = [value.slice(0, cut), value.slice(cut + 1)];
  if (!isStamped(ctx.keyring, 'undo', `${what}\0${consentId}`, stamp, UNDO_MINUTES, ctx.now())) return null;
  const [kind, first = '', second = ''] = what.split('~');
  if (kind === 'leave') return { leftBy: first };
  return { settings: { frequency: first as Frequency, pausedUntil: second ? new Date(parseInt(second, 36)) : null } };
}

function undo(ctx: Context, action: string, what: string, consentId: string): Undo {
  const now = ctx.now();
  return {
    action,
    value: `${what}~${makeStamp(ctx.keyring, 'undo', `${what}\0${consentId}`, now)}`,
    until: new Date(now.getTime() + UNDO_MINUTES * 60_000),
  };
}

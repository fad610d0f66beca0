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

/** The undo button of changed settings: it brings the former ones back, as long as nothing else was chosen since. */
export function undoSettings(
  ctx: Context,
  action: string,
  consentId: string,
  change: { before: Settings; after: Settings },
): Undo {
  return undo(ctx, action, `set~${write(change.before)}~${write(change.after)}`, consentId);
}

/** What an undo field brings back, or null when we did not sign it for this consent, too long ago, or the settings are others by now. */
export function openUndo(
  ctx: Context,
  value: string,
  consent: { id: string } & Settings,
): { leftBy: string } | { settings: Settings } | null {
  const cut = value.lastIndexOf('~');
  const [what, stamp] = [value.slice(0, cut), value.slice(cut + 1)];
  if (!isStamped(ctx.keyring, 'undo', `${what}\0${consent.id}`, stamp, UNDO_MINUTES, ctx.now())) return null;
  const [kind, first = '', second = '', third = '', ...after] = what.split('~');
  if (kind === 'leave') return { leftBy: first };
  if (after.join('~') !== write(consent)) return null;
  return {
    settings: {
      frequency: first as Frequency,
      pausedUntil: second ? new Date(parseInt(second, 36)) : null,
      topics: third === '' ? [] : third.split('.'),
    },
  };
}

function write(settings: Settings): string {
  return `${settings.frequency}~${settings.pausedUntil?.getTime().toString(36) ?? ''}~${settings.topics.join('.')}`;
}

function undo(ctx: Context, action: string, what: string, consentId: string): Undo {
  const now = ctx.now();
  return {
    action,
    value: `${what}~${makeStamp(ctx.keyring, 'undo', `${what}\0${consentId}`, now)}`,
    until: new Date(now.getTime() + UNDO_MINUTES * 60_000),
  };
}

import { catalogue } from '../consent/catalogue.js';
import { consentsOf } from '../consent/find.js';
import { withdraw } from '../consent/withdraw.js';
import type { Context } from '../context.js';

/** Ends what a person agreed to being seen of what they open and follow, with every organisation's purpose of theirs; the same for whoever never agreed. */
export async function stopTracking(ctx: Context, subscriberId: string): Promise<void> {
  const purposes = (await catalogue(ctx)).tracking.map(({ id }) => id);
  const agreed = (await consentsOf(ctx, ctx.db, subscriberId)).filter(({ listId }) => purposes.includes(listId));
  for (const { consent } of agreed) await withdraw(ctx, consent.id, 'settings');
}

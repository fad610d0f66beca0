import { setTimeout } from 'node:timers/promises';
import type { Context } from '../context.js';
import type { Claimed } from '../delivery/claim.js';
import type { Recipe } from '../mail/footer-engine.js';

/** What was changed in a copy. */
export interface Changed {
  readonly delivery: Claimed;
  readonly recipe: Recipe;
}

const AGAIN_MS = 1_000;

/** Keeps what was changed in copies (F-03): taking it back gives the mail that came in. A later try changes the same. */
export async function keepRecipes(ctx: Context, recipes: readonly Changed[]): Promise<void> {
  if (recipes.length === 0) return;
  await ctx.db.prepared(
    `insert into gateway_recipe (message_id, subscriber_id, recipe) select * from unnest($1::uuid[], $2::uuid[], $3::jsonb[])
     on conflict (message_id, subscriber_id) do update set recipe = excluded.recipe`,
    [
      recipes.map(({ delivery }) => delivery.messageId),
      recipes.map(({ delivery }) => delivery.subscriberId),
      recipes.map(({ recipe }) => JSON.stringify(recipe)),
    ],
  );
}

/** The same, tried twice; does not reject: mails that left stay sent. */
export async function keepOrWarn(ctx: Context, recipes: readonly Changed[]): Promise<void> {
  try {
    await keepRecipes(ctx, recipes).catch(async () => {
      await setTimeout(AGAIN_MS);
      await keepRecipes(ctx, recipes);
    });
  } catch (error) {
    ctx.logger.warn({ err: error, mails: recipes.length }, 'what was changed in mails could not be kept');
  }
}

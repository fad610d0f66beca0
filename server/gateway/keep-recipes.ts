import type { Context } from '../context.js';
import type { Claimed } from '../delivery/claim.js';
import type { Recipe } from '../mail/footer-engine.js';

/** Keeps what was changed in copies (F-03): taking it back gives the mail that came in. A later try changes the same. */
export async function keepRecipes(
  ctx: Context,
  recipes: readonly { readonly delivery: Claimed; readonly recipe: Recipe }[],
): Promise<void> {
  if (recipes.length === 0) return;
  await ctx.db.query(
    `insert into gateway_recipe (message_id, subscriber_id, recipe) select * from unnest($1::uuid[], $2::uuid[], $3::jsonb[])
     on conflict (message_id, subscriber_id) do update set recipe = excluded.recipe`,
    [
      recipes.map(({ delivery }) => delivery.messageId),
      recipes.map(({ delivery }) => delivery.subscriberId),
      recipes.map(({ recipe }) => JSON.stringify(recipe)),
    ],
  );
}

import type { Context } from '../context.js';
import type { Claimed } from './claim.js';
import type { Builder } from './deliver.js';

/** Builds mails, those of one template together. */
export async function buildMails(
  ctx: Context,
  builders: Readonly<Record<string, Builder>>,
  mails: readonly Claimed[],
): ReturnType<Builder> {
  const byTemplate = new Map<string, Claimed[]>();
  for (const mail of mails) byTemplate.set(mail.template, [...(byTemplate.get(mail.template) ?? []), mail]);
  const built = await Promise.all(
    [...byTemplate].map(async ([template, group]) => {
      const builder = builders[template];
      return builder ? builder(ctx, group) : group.map((delivery) => ({ delivery, cannot: 'template' }));
    }),
  );
  return built.flat();
}

import { forgetCatalogue } from '../../server/consent/catalogue.js';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import type { Fresh } from './fresh.js';

/** Gives the list topics, and the organisation attributes to ask people for: as filters, or sensitive where the name ends in "!". */
export async function askFor(
  { ctx, listId, organisationId }: Fresh,
  { topics, attributes }: { topics: readonly string[]; attributes: readonly string[] },
): Promise<void> {
  await ctx.db.query('update list set topics = $2 where id = $1', [
    listId,
    JSON.stringify(topics.map((slug) => ({ slug, names: { en: slug, pl: `o: ${slug}` } }))),
  ]);
  const rules = attributes.map((name) => {
    const isSensitive = name.endsWith('!');
    return { name: name.replace('!', ''), labels: { en: name }, isFilter: !isSensitive, isSensitive };
  });
  await ctx.db.query('update organisation set attributes = $2 where id = $1', [organisationId, JSON.stringify(rules)]);
  await sealOrganisation(ctx.db, ctx.keyring, 'demo');
  forgetCatalogue(ctx);
}

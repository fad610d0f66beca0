import type { Request, Response } from 'express';
import { attributeLabel, attributesOf, takeAttributes, writeAttributes } from '../consent/attributes.js';
import { fieldsOf, inLanguage, type Site } from '../web/http.js';
import type { PreferencesAllPage } from '../web/pages.js';
import type { Person } from './settings-page-view.js';

/** What is known of a person beside the address, to read and to correct (Art. 15, 16); null where the organisation asks for nothing. */
export async function aboutPart(
  { ctx, ...site }: Site,
  req: Request,
  who: Person,
): Promise<PreferencesAllPage['about']> {
  const { attributes: rules } = who.organisation;
  const known = await attributesOf(ctx, ctx.db, who.subscriberId);
  const names = [...new Set([...rules.map(({ name }) => name), ...Object.keys(known)])];
  if (names.length === 0) return null;
  return {
    action: inLanguage(site, req, '/settings/about'),
    fields: names.map((name) => ({
      name,
      label: attributeLabel(
        who.organisation,
        rules.find((rule) => rule.name === name) ?? { name, labels: {} },
        who.language,
      ),
      value: known[name] ?? '',
    })),
  };
}

/** Keeps what was corrected; an emptied field is forgotten. */
export async function correctAbout({ ctx, ...site }: Site, req: Request, res: Response, who: Person): Promise<void> {
  const known = await attributesOf(ctx, ctx.db, who.subscriberId);
  const fields = fieldsOf(req);
  const { organisation, subscriberId } = who;
  // What is no longer asked for can still be forgotten.
  const asked = [...new Set([...organisation.attributes.map(({ name }) => name), ...Object.keys(known)])].filter(
    (name) => fields[name] !== undefined,
  );
  const told = takeAttributes(
    asked.map((name) => ({ name })),
    fields,
  );
  const values = Object.fromEntries(asked.map((name) => [name, told[name] ?? '']));
  await ctx.db.transaction(async (tx) => writeAttributes(tx, ctx, { subscriberId, organisation, values }));
  res.redirect(303, `${inLanguage(site, req, '/settings')}#about`);
}

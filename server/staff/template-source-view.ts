import { LIBRARY, libraryMail, libraryName, librarySource } from '../campaigns/library.js';
import { renderTemplate } from '../campaigns/render.js';
import { keptTemplate } from '../campaigns/templates.js';
import { catalogue, type ListFacts } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import type { Site } from '../web/http.js';

/** A template to start from, whichever kind. */
export interface FoundTemplate {
  /** Of one that comes with Zgoda; null: it is kept. */
  readonly key: string | null;
  readonly name: string;
  readonly fileName: string;
  readonly source: string;
  /** Lists for which it may be used. */
  readonly lists: readonly ListFacts[];
}

/** Throws `not-found`. */
export async function templateOf(site: Site, ref: string): Promise<FoundTemplate> {
  const { lists } = await catalogue(site.ctx);
  const ours = lists.filter(({ organisation }) => organisation.isOurs);
  const known = LIBRARY.find((one) => one === ref);
  if (known)
    return { key: known, name: known, fileName: `${known}.mjml`, source: await librarySource(known), lists: ours };
  const kept = await keptTemplate(site.ctx, ref);
  if (kept.deletedAt) throw new Refusal('not-found', 'This template was deleted.');
  const { name, fileName, source } = kept;
  const its = ours.filter(({ organisation }) => organisation.id === kept.organisationId);
  return { key: null, name, fileName, source, lists: its };
}

/** As a mail, before the footer. Throws `template-refused` for one that could not be sent any more. */
export async function renderedOf({ key, fileName, source }: FoundTemplate): ReturnType<typeof renderTemplate> {
  return key === null ? renderTemplate(fileName, source) : libraryMail(libraryName(key));
}

import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

export interface OrganisationFacts {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly legalName: string;
  readonly postalAddress: string;
  readonly privacyContact: string;
  readonly fromAddress: string;
  readonly publicUrl: string | null;
  readonly inboundDomain: string | null;
  readonly language: string;
  readonly jurisdiction: string;
  readonly timeZone: string;
  readonly createdAt: Date;
}

export interface ListText {
  readonly name: string;
  readonly about: string;
  readonly frequency: string;
  readonly sharedWith: string;
  readonly retention: string;
}

export interface Wording {
  readonly id: string;
  readonly language: string;
  readonly version: number;
  readonly label: string;
  readonly sha256: Buffer;
}

export interface Notice {
  readonly id: string;
  readonly language: string;
  readonly version: number;
  readonly body: string;
  readonly sha256: Buffer;
  readonly createdAt: Date;
}

export interface ListFacts {
  readonly id: string;
  readonly slug: string;
  readonly organisation: OrganisationFacts;
  readonly defaultLanguage: string;
  readonly texts: Readonly<Record<string, ListText>>;
  /** All versions, newest first. */
  readonly wordings: readonly Wording[];
  /** Of the organisation, newest first. */
  readonly notices: readonly Notice[];
}

export interface Catalogue {
  readonly organisations: readonly OrganisationFacts[];
  readonly lists: readonly ListFacts[];
  readonly forms: readonly { id: string; listId: string; allowedOrigins: string[] }[];
}

const FRESH_MS = 5000;
const kept = new WeakMap<Context, { at: number; catalogue: Promise<Catalogue> }>();

/**
 * Organisations, lists, wordings and forms: few, rarely changed, needed by every request; read anew every five seconds. Never call it with a transaction
 * open: the embedded database would wait for the transaction, and that for it (T17). Ask before, and look up with `listIn`.
 */
export async function catalogue(ctx: Context): Promise<Catalogue> {
  const known = kept.get(ctx);
  if (known && Date.now() - known.at < FRESH_MS) return known.catalogue;
  const fresh = load(ctx);
  kept.set(ctx, { at: Date.now(), catalogue: fresh });
  // A failed read must not be remembered.
  fresh.catch(() => kept.delete(ctx));
  return fresh;
}

/** Forgets what was read, after a change. */
export function forgetCatalogue(ctx: Context): void {
  kept.delete(ctx);
}

/** Throws `list-unknown`. */
export async function listBySlug(ctx: Context, slug: string): Promise<ListFacts> {
  return found((await catalogue(ctx)).lists.find((list) => list.slug === slug));
}

/** Throws `list-unknown`. Not with a transaction open. */
export async function listById(ctx: Context, id: string): Promise<ListFacts> {
  return listIn(await catalogue(ctx), id);
}

/** Throws `list-unknown`. */
export function listIn(known: Catalogue, id: string): ListFacts {
  return found(known.lists.find((list) => list.id === id));
}

/** Throws `not-found`. */
export async function organisationById(ctx: Context, id: string): Promise<OrganisationFacts> {
  const organisation = (await catalogue(ctx)).organisations.find((one) => one.id === id);
  if (!organisation) throw new Refusal('not-found', 'There is no such organisation.');
  return organisation;
}

/** The list that a form signs up for. Throws `form-unknown`. */
export async function formById(ctx: Context, id: string): Promise<{ list: ListFacts; allowedOrigins: string[] }> {
  const all = await catalogue(ctx);
  const form = all.forms.find((one) => one.id === id);
  const list = form && all.lists.find((one) => one.id === form.listId);
  if (!form || !list) throw new Refusal('form-unknown', 'There is no such form.');
  return { list, allowedOrigins: form.allowedOrigins };
}

/** The languages in which a list can be joined: only those with a wording and a text of their own (W-03). */
export function languagesOf(list: ListFacts): string[] {
  return Object.keys(list.texts).filter((language) => list.wordings.some((wording) => wording.language === language));
}

/** What a list says in a language, or in its own where it has none in that one. */
export function textOf(list: Pick<ListFacts, 'slug' | 'texts' | 'defaultLanguage'>, language: string): ListText {
  const text = list.texts[language] ?? list.texts[list.defaultLanguage];
  if (!text) throw new Error(`list ${list.slug} says nothing in its default language`);
  return text;
}

/** The newest wording in a language, or in the list's own. */
export function wordingOf(list: ListFacts, language: string): Wording {
  const wording =
    list.wordings.find((one) => one.language === language) ??
    list.wordings.find((one) => one.language === list.defaultLanguage);
  if (!wording) throw new Error(`list ${list.slug} has no wording in its default language`);
  return wording;
}

/** The newest notice in a language, or in the organisation's own; null when it has none. */
export function noticeOf(list: ListFacts, language: string): Notice | null {
  return (
    list.notices.find((one) => one.language === language) ??
    list.notices.find((one) => one.language === list.organisation.language) ??
    null
  );
}

/** The address that an organisation's links start with; no trailing slash. */
export function linkAddress(
  ctx: Pick<Context, 'publicUrl'>,
  organisation: Pick<OrganisationFacts, 'publicUrl'>,
): string {
  return organisation.publicUrl ?? ctx.publicUrl;
}

function found(list: ListFacts | undefined): ListFacts {
  if (!list) throw new Refusal('list-unknown', 'There is no such list.');
  return list;
}

type WithList<T> = T & { list_id: string };

async function load(ctx: Context): Promise<Catalogue> {
  const [organisations, lists, texts, wordings, notices, forms] = await Promise.all([
    ctx.db.query<OrganisationFacts>(
      `select id, slug, name, legal_name as "legalName", postal_address as "postalAddress", privacy_contact as "privacyContact", from_address as "fromAddress",
         public_url as "publicUrl", inbound_domain as "inboundDomain", language, jurisdiction, time_zone as "timeZone", created_at as "createdAt"
       from organisation order by created_at, id`,
    ),
    ctx.db.query<{ id: string; slug: string; organisation_id: string; default_language: string }>(
      'select id, slug, organisation_id, default_language from list order by created_at, slug',
    ),
    ctx.db.query<WithList<ListText> & { language: string }>(
      'select list_id, language, name, about, frequency, shared_with as "sharedWith", retention from list_text order by language',
    ),
    ctx.db.query<WithList<Wording>>(
      'select id, purpose_id as list_id, language, version, label, sha256 from wording order by version desc',
    ),
    ctx.db.query<Notice & { organisation_id: string }>(
      'select id, organisation_id, language, version, body, sha256, created_at as "createdAt" from notice order by version desc',
    ),
    ctx.db.query<{ id: string; listId: string; allowedOrigins: string[] }>(
      'select id, list_id as "listId", allowed_origins as "allowedOrigins" from form',
    ),
  ]);
  return {
    organisations,
    forms,
    lists: lists.map((list) => ({
      id: list.id,
      slug: list.slug,
      organisation: organisations.find((one) => one.id === list.organisation_id) as OrganisationFacts,
      defaultLanguage: list.default_language,
      texts: Object.fromEntries(
        texts.filter((text) => text.list_id === list.id).map(({ language, ...text }) => [language, text]),
      ),
      wordings: wordings.filter((wording) => wording.list_id === list.id),
      notices: notices.filter((notice) => notice.organisation_id === list.organisation_id),
    })),
  };
}

import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { readCatalogue } from './read-catalogue.js';

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
  /** Contact of the data protection officer. */
  readonly officer: string | null;
  /** Who else gets data, where it lies, and where outside the European Economic Area it goes. */
  readonly recipients: readonly string[];
  readonly storageLocations: readonly string[];
  readonly transfers: readonly string[];
  /** What sign-ups may tell of a person, beside the address. */
  readonly attributes: readonly AttributeFacts[];
  /** Must another than who asks release each campaign? */
  readonly releaseBySecond: boolean;
  /** Is all that it says, its lists and texts included, as it was set up? If not, nobody joins and no mail leaves; leaving works (T6). */
  readonly isOurs: boolean;
}

/** Something that may be known of a person, such as the first name. */
export interface AttributeFacts {
  readonly name: string;
  /** By language. */
  readonly labels: Readonly<Record<string, string>>;
  /** May campaigns be narrowed by it? Never what is sensitive (T11). */
  readonly isFilter: boolean;
  readonly isSensitive: boolean;
}

/** What a list writes about: people may choose some of it. */
export interface TopicFacts {
  readonly slug: string;
  /** By language. */
  readonly names: Readonly<Record<string, string>>;
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
  /** null: a list. `tracking`: what people may agree to beside it; it has a wording and events of its own, and no mails. */
  readonly kind: 'tracking' | null;
  readonly organisation: OrganisationFacts;
  readonly defaultLanguage: string;
  /** Which bases of a consent may be mailed. */
  readonly acceptedBases: readonly string[];
  /** May a signed answer to the confirmation mail confirm as well (T14)? Only where the organisation has an inbound domain: ask `replyDomainOf`. */
  readonly confirmByReply: boolean;
  readonly topics: readonly TopicFacts[];
  readonly texts: Readonly<Record<string, ListText>>;
  /** All versions, newest first. */
  readonly wordings: readonly Wording[];
  /** Of the organisation, newest first. */
  readonly notices: readonly Notice[];
}

export interface Catalogue {
  readonly organisations: readonly OrganisationFacts[];
  readonly lists: readonly ListFacts[];
  /** Purposes that have no mails: that an organisation sees who opens and follows what. */
  readonly tracking: readonly ListFacts[];
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
  const fresh = readCatalogue(ctx.db, ctx.keyring);
  kept.set(ctx, { at: Date.now(), catalogue: fresh });
  void fresh.then((read) => warn(ctx, read)).catch(() => undefined);
  // A failed read must not be remembered.
  fresh.catch(() => kept.delete(ctx));
  return fresh;
}

/** Forgets what was read, after a change. */
export function forgetCatalogue(ctx: Context): void {
  kept.delete(ctx);
}

/** A list to sign up for or to send to. Throws `list-unknown`, also when somebody rewrote it by SQL. */
export async function listBySlug(ctx: Context, slug: string): Promise<ListFacts> {
  return found((await catalogue(ctx)).lists.find((list) => list.slug === slug && list.organisation.isOurs));
}

/** Throws `list-unknown`. Not with a transaction open. */
export async function listById(ctx: Context, id: string): Promise<ListFacts> {
  return listIn(await catalogue(ctx), id);
}

/** A list, or another purpose that people agree to. Throws `list-unknown`. */
export function listIn(known: Catalogue, id: string): ListFacts {
  return found([...known.lists, ...known.tracking].find((list) => list.id === id));
}

/** What somebody agrees to who lets an organisation see what they open and follow; null: it does not ask. */
export function trackingIn(known: Catalogue, organisationId: string): ListFacts | null {
  return known.tracking.find(({ organisation }) => organisation.id === organisationId && organisation.isOurs) ?? null;
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
  if (!form || !list?.organisation.isOurs) throw new Refusal('form-unknown', 'There is no such form.');
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

/** A word that stands in several languages: in this one, or in the organisation's own. */
export function inWords(words: Readonly<Record<string, string>>, language: string, fallback: string): string {
  return words[language] ?? words[fallback] ?? Object.values(words)[0] ?? '';
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

/** Where answers that confirm go to; null where this list takes none. */
export function replyDomainOf(list: ListFacts): string | null {
  return list.confirmByReply ? list.organisation.inboundDomain : null;
}

function warn(ctx: Context, { organisations }: Catalogue): void {
  for (const { slug, isOurs } of organisations)
    if (!isOurs)
      ctx.logger.error({ organisation: slug }, 'what it says is not what was set up: nobody joins, no mail leaves');
}

function found(list: ListFacts | undefined): ListFacts {
  if (!list) throw new Refusal('list-unknown', 'There is no such list.');
  return list;
}

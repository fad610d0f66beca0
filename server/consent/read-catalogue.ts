import type { Queryable } from '../database/connect.js';
import type { Keyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';
import type { Catalogue, ListFacts, ListText, Notice, OrganisationFacts, Wording } from './catalogue.js';

/** Reads all that organisations say of themselves, one query after the other, and checks their seals. */
export async function readCatalogue(on: Queryable, keyring: Keyring): Promise<Catalogue> {
  const rows = await on.query<Omit<OrganisationFacts, 'isOurs'> & { seal: Buffer | null }>(
    `select id, slug, name, legal_name as "legalName", postal_address as "postalAddress", privacy_contact as "privacyContact", from_address as "fromAddress",
       public_url as "publicUrl", inbound_domain as "inboundDomain", language, jurisdiction, time_zone as "timeZone", created_at as "createdAt",
       officer, recipients, storage_locations as "storageLocations", transfers, attributes, release_by_second as "releaseBySecond", seal
     from organisation order by created_at, id`,
  );
  const said = await readSaid(on);
  const organisations = rows.map(({ seal: given, ...facts }): OrganisationFacts => {
    return { ...facts, isOurs: isSealed(keyring, 'organisation', sealedParts(facts, said), given) };
  });
  const all = said.lists.map((list) => assemble(list, organisations, said));
  const [lists, tracking] = [all.filter(({ kind }) => kind === null), all.filter(({ kind }) => kind === 'tracking')];
  return { organisations, forms: said.forms, lists, tracking };
}

/** Seals what an organisation says, after it was written in the same transaction: the way past it is SQL alone (T6). */
export async function sealOrganisation(on: Queryable, keyring: Keyring, slug: string): Promise<void> {
  const { organisations } = await readCatalogue(on, keyring);
  const organisation = organisations.find((one) => one.slug === slug);
  if (!organisation) throw new Error(`there is no organisation ${slug}`);
  await on.query('update organisation set seal = $2 where id = $1', [
    organisation.id,
    seal(keyring, 'organisation', sealedParts(organisation, await readSaid(on))),
  ]);
}

type WithList<T> = T & { list_id: string };
type ListRow = Pick<
  ListFacts,
  'id' | 'slug' | 'kind' | 'defaultLanguage' | 'acceptedBases' | 'confirmByReply' | 'topics'
> & {
  organisation_id: string;
};

interface Said {
  readonly lists: readonly ListRow[];
  readonly texts: readonly (WithList<ListText> & { language: string })[];
  readonly wordings: readonly WithList<Wording>[];
  readonly notices: readonly (Notice & { organisation_id: string })[];
  readonly forms: Catalogue['forms'];
}

async function readSaid(on: Queryable): Promise<Said> {
  return {
    lists: await on.query(
      `select l.id, l.slug, nullif(p.kind, 'list') as kind, l.organisation_id, l.default_language as "defaultLanguage", l.accepted_bases as "acceptedBases",
         l.confirm_by_reply as "confirmByReply", l.topics from list l join purpose p on p.id = l.id order by l.created_at, l.slug`,
    ),
    texts: await on.query(
      'select list_id, language, name, about, frequency, shared_with as "sharedWith", retention from list_text order by language',
    ),
    wordings: await on.query(
      'select id, purpose_id as list_id, language, version, label, sha256 from wording order by version desc',
    ),
    notices: await on.query(
      'select id, organisation_id, language, version, body, sha256, created_at as "createdAt" from notice order by version desc',
    ),
    forms: await on.query('select id, list_id as "listId", allowed_origins as "allowedOrigins" from form'),
  };
}

function assemble(list: ListRow, organisations: readonly OrganisationFacts[], said: Said): ListFacts {
  const { organisation_id: organisationId, ...facts } = list;
  return {
    ...facts,
    organisation: organisations.find((one) => one.id === organisationId) as OrganisationFacts,
    texts: Object.fromEntries(
      said.texts.filter((text) => text.list_id === list.id).map(({ language, ...text }) => [language, text]),
    ),
    wordings: said.wordings.filter((wording) => wording.list_id === list.id),
    notices: said.notices.filter((notice) => notice.organisation_id === organisationId),
  };
}

/** Every row of it, in an order that does not depend on how the database sorts. */
function sealedParts(organisation: Omit<OrganisationFacts, 'isOurs'>, said: Said): string[] {
  const lists = said.lists.filter((list) => list.organisation_id === organisation.id);
  const ofLists = <T>(rows: readonly T[], listOf: (row: T) => string): T[] =>
    rows.filter((row) => lists.some((list) => list.id === listOf(row)));
  const rows = (kind: string, all: readonly object[]): string[] =>
    all.map((row) => JSON.stringify([kind, entriesOf(row)])).sort();
  return [
    ...rows('organisation', [organisation]),
    ...rows('list', lists),
    ...rows(
      'text',
      ofLists(said.texts, (text) => text.list_id),
    ),
    ...rows(
      'wording',
      ofLists(said.wordings, (wording) => wording.list_id),
    ),
    ...rows(
      'notice',
      said.notices.filter((notice) => notice.organisation_id === organisation.id),
    ),
    ...rows(
      'form',
      ofLists(said.forms, (form) => form.listId),
    ),
  ];
}

// What came later: where it says nothing it is left out, so that seals from before stay true.
const LATER = [
  'officer',
  'recipients',
  'storageLocations',
  'transfers',
  'confirmByReply',
  'attributes',
  'topics',
  'kind',
  'releaseBySecond',
];

function entriesOf(row: object): [string, unknown][] {
  const saysNothing = (value: unknown): boolean =>
    value === null || value === false || (Array.isArray(value) && value.length === 0);
  const entries = Object.entries(row).filter(
    ([name, value]) => name !== 'isOurs' && !(LATER.includes(name) && saysNothing(value)),
  );
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

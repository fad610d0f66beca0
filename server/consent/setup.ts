import { createHash, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { promotionIn } from '../mail/promotion.js';
import { forgetCatalogue } from './catalogue.js';
import { readCatalogue, sealOrganisation } from './read-catalogue.js';
import { definition } from './setup-file.js';
import { keepTerms } from './shown-text.js';

/** An organisation with its lists, wordings, notices and forms, as `zgoda setup FILE` reads it. */
export type Setup = z.input<typeof definition>;

export interface SetupResult {
  readonly organisation: string;
  readonly lists: readonly string[];
  readonly forms: readonly string[];
  /** New versions of wordings and notices: a text that was shown is never changed. */
  readonly newTexts: number;
}

/** A list in one of its languages, before it is kept. */
export interface SetList {
  readonly organisation: Definition['organisation'];
  readonly listName: string;
  readonly isTracking: boolean;
  readonly wording: string;
  readonly language: string;
  readonly confirmByReply: boolean;
}

/** What is wrong with the mail that a list would send; who composes mail knows. */
export type MailCheck = (list: SetList) => readonly string[];

/**
 * Creates or updates an organisation by its slug, in one transaction. A changed wording or notice becomes a new version. Throws `body-invalid` with every
 * mistake at once, and when a list's name or wording, or what `faultsOf` finds
 * in its mail, would make the confirmation mail an advertisement (C-04).
 */
export async function setup(ctx: Context, input: unknown, faultsOf: MailCheck = () => []): Promise<SetupResult> {
  const parsed = definition.safeParse(input);
  if (!parsed.success) {
    throw new Refusal(
      'body-invalid',
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
    );
  }
  lint(parsed.data, faultsOf);
  const result = await ctx.db.transaction(async (tx) => {
    const written = await write(tx, parsed.data, ctx.now());
    await sealOrganisation(tx, ctx.keyring, written.organisation);
    await keepTerms(tx, await readCatalogue(tx, ctx.keyring), ctx.now());
    return written;
  });
  forgetCatalogue(ctx);
  return result;
}

type Definition = z.infer<typeof definition>;

type SetPurpose = Definition['lists'][number] & { readonly kind: 'list' | 'tracking' };

/** Lists, and what is agreed to as they are: by a confirmation mail of its own. */
function purposesOf({ lists, tracking }: Definition): SetPurpose[] {
  const all = lists.map((list) => ({ ...list, kind: 'list' as const }));
  if (!tracking) return all;
  return [...all, { ...tracking, kind: 'tracking', acceptedBases: ['confirmed'], confirmByReply: false, topics: [] }];
}

function lint(set: Definition, faultsOf: MailCheck): void {
  const mistakes = purposesOf(set).flatMap((list) =>
    Object.entries(list.texts).flatMap(([language, { name, wording }]) => {
      const words = [...promotionIn(name), ...promotionIn(wording)].map(
        (what) => `${what} would make the confirmation mail an advertisement`,
      );
      // What stands in a name is found in every part of the mail: once is enough.
      const { confirmByReply } = list;
      const isTracking = list.kind === 'tracking';
      const asked = { organisation: set.organisation, listName: name, isTracking, wording, language, confirmByReply };
      const faults = words.length > 0 ? words : faultsOf(asked);
      return faults.map((fault) => `list ${list.slug} (${language}): ${fault}`);
    }),
  );
  const missing = purposesOf(set)
    .filter((list) => !list.texts[list.language])
    .map((list) => `list ${list.slug} needs texts in its own language ${list.language}`);
  const strays = set.forms
    .filter((form) => !set.lists.some((list) => list.slug === form.list))
    .map((form) => `form ${form.id}: there is no list ${form.list}`);
  const unheard = set.lists
    .filter((list) => list.confirmByReply && !set.organisation.inboundDomain)
    .map(
      (list) => `list ${list.slug}: confirmByReply needs an inboundDomain of the organisation, where the answers go`,
    );
  const all = [...missing, ...strays, ...unheard, ...mistakes];
  if (all.length > 0) throw new Refusal('body-invalid', all.join('\n'));
}

async function write(tx: Tx, set: Definition, now: Date): Promise<SetupResult> {
  const { organisation: o } = set;
  const [row] = await tx.query<{ id: string }>(
    `insert into organisation (id, slug, name, legal_name, postal_address, privacy_contact, from_address, public_url, inbound_domain, language, jurisdiction, time_zone, created_at,
       officer, recipients, storage_locations, transfers, attributes, release_by_second)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
     on conflict (slug) do update set name = excluded.name, legal_name = excluded.legal_name, postal_address = excluded.postal_address, privacy_contact = excluded.privacy_contact,
       from_address = excluded.from_address, public_url = excluded.public_url, inbound_domain = excluded.inbound_domain, language = excluded.language,
       jurisdiction = excluded.jurisdiction, time_zone = excluded.time_zone, officer = excluded.officer, recipients = excluded.recipients,
       storage_locations = excluded.storage_locations, transfers = excluded.transfers,
       attributes = excluded.attributes, release_by_second = excluded.release_by_second returning id`,
    [
      randomUUID(),
      o.slug,
      o.name,
      o.legalName,
      o.postalAddress,
      o.privacyContact,
      o.fromAddress,
      o.publicUrl,
      o.inboundDomain,
      o.language,
      o.jurisdiction,
      o.timeZone,
      now,
      ...[o.dataProtectionOfficer, o.recipients, o.storageLocations, o.transfers],
      JSON.stringify(
        o.attributes.map(({ filter, sensitive, ...one }) => ({ ...one, isFilter: filter, isSensitive: sensitive })),
      ),
      o.releaseBySecond,
    ],
  );
  const organisationId = row?.id ?? '';
  let newTexts = 0;
  for (const [code, body] of Object.entries(set.notices))
    newTexts += await addNotice(tx, organisationId, code, body, now);
  const ids = new Map<string, string>();
  for (const list of purposesOf(set)) {
    const id = await writeList(tx, organisationId, list, now);
    ids.set(list.slug, id);
    for (const [code, words] of Object.entries(list.texts)) newTexts += await writeTexts(tx, id, code, words, now);
  }
  for (const form of set.forms) {
    await tx.query(
      `insert into form (id, list_id, allowed_origins, created_at) values ($1, $2, $3, $4)
       on conflict (id) do update set list_id = excluded.list_id, allowed_origins = excluded.allowed_origins`,
      [form.id, ids.get(form.list), form.allowedOrigins, now],
    );
  }
  return {
    organisation: o.slug,
    lists: set.lists.map((list) => list.slug),
    forms: set.forms.map((form) => form.id),
    newTexts,
  };
}

async function writeList(tx: Tx, organisationId: string, list: SetPurpose, now: Date): Promise<string> {
  const [known] = await tx.query<{ id: string; organisation_id: string; kind: string }>(
    'select l.id, l.organisation_id, p.kind from list l join purpose p on p.id = l.id where l.slug = $1',
    [list.slug],
  );
  if (known && known.kind !== list.kind)
    throw new Refusal('body-invalid', `${list.slug} is a ${known.kind} already, and cannot become a ${list.kind}.`);
  if (known && known.organisation_id !== organisationId)
    throw new Refusal('body-invalid', `The list ${list.slug} belongs to another organisation.`);
  const id = known?.id ?? randomUUID();
  await tx.query(
    `insert into purpose (id, organisation_id, kind, channel, legal_basis, created_at) values ($1, $2, $4, 'email', 'consent', $3) on conflict (id) do nothing`,
    [id, organisationId, now, list.kind],
  );
  await tx.query(
    `insert into list (id, organisation_id, slug, default_language, accepted_bases, confirm_by_reply, created_at, topics) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do update set default_language = excluded.default_language, accepted_bases = excluded.accepted_bases,
       confirm_by_reply = excluded.confirm_by_reply, topics = excluded.topics`,
    [
      ...[id, organisationId, list.slug, list.language, list.acceptedBases, list.confirmByReply, now],
      JSON.stringify(list.topics),
    ],
  );
  return id;
}

type Words = NonNullable<Definition['lists'][number]['texts']['en']>;

async function writeTexts(tx: Tx, listId: string, code: string, words: Words, now: Date): Promise<number> {
  await tx.query(
    `insert into list_text (list_id, language, name, about, frequency, shared_with, retention) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (list_id, language) do update set name = excluded.name, about = excluded.about, frequency = excluded.frequency, shared_with = excluded.shared_with,
       retention = excluded.retention`,
    [listId, code, words.name, words.about, words.frequency, words.sharedWith, words.retention],
  );
  const [latest] = await tx.query<{ version: number; label: string }>(
    'select version, label from wording where purpose_id = $1 and language = $2 order by version desc limit 1',
    [listId, code],
  );
  if (latest?.label === words.wording) return 0;
  await tx.query(
    'insert into wording (id, purpose_id, language, version, label, sha256, created_at) values ($1, $2, $3, $4, $5, $6, $7)',
    [...[randomUUID(), listId, code, (latest?.version ?? 0) + 1, words.wording, sha256(words.wording), now]],
  );
  return 1;
}

async function addNotice(tx: Tx, organisationId: string, code: string, body: string, now: Date): Promise<number> {
  const [latest] = await tx.query<{ version: number; body: string }>(
    'select version, body from notice where organisation_id = $1 and language = $2 order by version desc limit 1',
    [organisationId, code],
  );
  if (latest?.body === body) return 0;
  await tx.query(
    'insert into notice (id, organisation_id, language, version, body, sha256, created_at) values ($1, $2, $3, $4, $5, $6, $7)',
    [...[randomUUID(), organisationId, code, (latest?.version ?? 0) + 1, body, sha256(body), now]],
  );
  return 1;
}

function sha256(words: string): Buffer {
  return createHash('sha256').update(words, 'utf8').digest();
}

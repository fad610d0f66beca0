import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boot } from '../../server/boot.js';
import { readConfig } from '../../server/config.js';
import { act, openConsents } from '../../server/consent/act.js';
import { sealOrganisation } from '../../server/consent/read-catalogue.js';
import { openSubscribers } from '../../server/consent/subscriber.js';
import type { Context } from '../../server/context.js';
import type { Tx } from '../../server/database/connect.js';
import { blindIndex, suppressionHash } from '../../server/keys/blind-index.js';
import { makeLogger } from '../../server/logger.js';
import { parseAddress } from '../../server/mail/address.js';
import { createTestDatabase } from '../support/database.js';

/** A fresh database with one organisation and its list `news`, in English and Polish. */
export interface Fresh {
  readonly ctx: Context;
  readonly organisationId: string;
  readonly listId: string;
  /** Moves the clock that `ctx.now` reads. */
  advance(ms: number): void;
  /** Forgets everybody, every campaign and every login. */
  clear(): Promise<void>;
  drop(): Promise<void>;
}

export async function makeFresh(options: { inboundDomain?: string } = {}): Promise<Fresh> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'zgoda-test-'));
  let offset = 0;
  const config = readConfig({
    DATA_DIR: join(dataDir, 'data'),
    PUBLIC_URL: 'https://consent.example.org',
    ...database.settings,
  });
  const booted = await boot(config, makeLogger('silent'), {
    now: () => new Date(Date.now() + offset),
    ...(database.template ? { template: database.template } : {}),
  });
  const ids = await addDemo(booted.ctx, options.inboundDomain ?? null);
  return {
    ctx: booted.ctx,
    ...ids,
    advance: (ms) => {
      offset += ms;
    },
    clear: async () => {
      await booted.ctx.db.query(
        'truncate delivery, campaign, campaign_pace, offer, consent, sign_up, magic_link, session, subscriber, staff',
      );
    },
    drop: async () => {
      await booted.close();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function addDemo(
  ctx: Context,
  inboundDomain: string | null,
): Promise<{ organisationId: string; listId: string }> {
  const [organisationId, listId] = [randomUUID(), randomUUID()];
  const at = ctx.now();
  await ctx.db.query(
    `insert into organisation (id, slug, name, legal_name, postal_address, privacy_contact, from_address, inbound_domain, language, jurisdiction, time_zone, created_at)
     values ($1, 'demo', 'Księgarnia', 'Księgarnia sp. z o.o.', 'ul. Długa 1, 90-001 Łódź', 'privacy@example.org', 'news@example.org', $2, 'pl', 'PL', 'Europe/Warsaw', $3)`,
    [organisationId, inboundDomain, at],
  );
  await ctx.db.query(
    `insert into purpose (id, organisation_id, kind, channel, legal_basis, created_at) values ($1, $2, 'list', 'email', 'consent', $3)`,
    [listId, organisationId, at],
  );
  await ctx.db.query(
    `insert into list (id, organisation_id, slug, default_language, accepted_bases, created_at) values ($1, $2, 'news', 'en', '{confirmed}', $3)`,
    [listId, organisationId, at],
  );
  for (const [language, listName] of [
    ['en', 'Book news'],
    ['pl', 'Nowości'],
  ] as const) {
    await ctx.db.query(
      `insert into list_text (list_id, language, name, about, frequency, shared_with, retention) values ($1, $2, $3, 'Books', 'weekly', '', '')`,
      [listId, language, listName],
    );
    await ctx.db.query(
      `insert into wording (id, purpose_id, language, version, label, sha256, created_at) values ($1, $2, $3, 1, 'I want mail', $4, $5)`,
      [randomUUID(), listId, language, randomBytes(32), at],
    );
  }
  await sealOrganisation(ctx.db, ctx.keyring, 'demo');
  return { organisationId, listId };
}

export interface Person {
  readonly subscriberId: string;
  readonly consentId: string;
}

interface About {
  readonly language?: string;
  readonly state?: 'confirmed' | 'pending' | 'withdrawn';
  readonly confirmedAt?: Date;
}

/** Somebody on the list; the state is written and sealed by the real door. */
export async function addPerson(fresh: Fresh, address: string, about: About = {}): Promise<Person> {
  return fresh.ctx.db.transaction(async (tx) => addTo(tx, fresh, address, about));
}

/** Many people on the list, a hundred in a transaction. */
export async function addPeople(fresh: Fresh, count: number): Promise<void> {
  for (let first = 0; first < count; first += 100) {
    await fresh.ctx.db.transaction(async (tx) => {
      for (let i = first; i < Math.min(first + 100, count); i += 1) {
        await addTo(tx, fresh, `person${i}@example.com`, {});
      }
    });
  }
}

async function addTo(tx: Tx, fresh: Fresh, address: string, about: About): Promise<Person> {
  const { ctx, organisationId, listId } = fresh;
  const { normal } = parseAddress(address);
  const { language = 'en', state = 'confirmed', confirmedAt = ctx.now() } = about;
  const signUpId = randomUUID();
  await tx.query(
    `insert into sign_up (id, list_id, wording_id, source, language, requested_commitment, requested_at)
     select $1, $2, id, 'form', $3, $4, $5 from wording where language = $3`,
    [signUpId, listId, language, randomBytes(32), ctx.now()],
  );
  const person = {
    organisationId,
    blindIndex: blindIndex(ctx.keyring, organisationId, normal),
    suppressionHash: suppressionHash(ctx.keyring, organisationId, normal),
    address,
    language,
  };
  const [subscriberId = ''] = await openSubscribers(tx, ctx, [person]);
  const [consent] = await openConsents(tx, ctx, [{ subscriberId, purposeId: listId, signUpId }]);
  if (!consent) throw new Error('no consent');
  if (state !== 'pending') await act(tx, ctx, consent, { state, basis: 'confirmed', confirmedAt }, null);
  return { subscriberId, consentId: consent.id };
}

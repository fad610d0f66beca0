import { randomUUID } from 'node:crypto';
import { organisationById } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed, seal } from '../keys/seal.js';
import type { CampaignTemplate } from '../../entities/campaign-template.js';
import { refuseTemplate } from './problem.js';

/** A file that is kept to start campaigns from. */
export type KeptTemplate = Pick<
  CampaignTemplate,
  'id' | 'organisationId' | 'name' | 'fileName' | 'madeBy' | 'madeAt' | 'source' | 'deletedAt'
>;

const MAX_NAME = 100;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Keeps a file as a template of an organisation; returns its id. Throws `not-found`, and `template-refused` for a name that is none. */
export async function keepTemplate(
  ctx: Context,
  kept: Pick<KeptTemplate, 'organisationId' | 'name' | 'fileName' | 'madeBy' | 'source'>,
): Promise<string> {
  const { id: organisationId } = await organisationById(ctx, kept.organisationId);
  const row = { ...kept, organisationId, id: randomUUID(), name: checkName(kept.name), madeAt: ctx.now() };
  await ctx.db.query(
    'insert into campaign_template (id, organisation_id, name, file_name, source, made_by, made_at, seal) values ($1, $2, $3, $4, $5, $6, $7, $8)',
    [
      ...[row.id, organisationId, row.name, row.fileName, row.source, row.madeBy, row.madeAt],
      seal(ctx.keyring, 'campaign-template', sealedParts(row)),
    ],
  );
  return row.id;
}

/** The templates that are kept, by name, without those that were deleted. */
export async function keptTemplates(ctx: Context): Promise<KeptTemplate[]> {
  const rows = await ctx.db.query<Row>(`${SELECT} where deleted_at is null order by lower(name), id`);
  return rows.filter((row) => isOurs(ctx, row));
}

/** One of them, also one that was deleted. Throws `not-found`. */
export async function keptTemplate(ctx: Context, id: string): Promise<KeptTemplate> {
  const [row] = ID.test(id) ? await ctx.db.query<Row>(`${SELECT} where id = $1`, [id]) : [];
  if (!row || !isOurs(ctx, row)) throw new Refusal('not-found', 'There is no such template.');
  return row;
}

/** Gives it another name. Throws `not-found` and `template-refused`. */
export async function renameTemplate(ctx: Context, id: string, name: string): Promise<void> {
  const template = { ...(await keptTemplate(ctx, id)), name: checkName(name) };
  await ctx.db.query('update campaign_template set name = $2, seal = $3 where id = $1', [
    id,
    template.name,
    seal(ctx.keyring, 'campaign-template', sealedParts(template)),
  ]);
}

/** Takes it out of the library, or puts it back. Throws `not-found`. */
export async function deleteTemplate(ctx: Context, id: string, isDeleted: boolean): Promise<void> {
  await keptTemplate(ctx, id);
  await ctx.db.query('update campaign_template set deleted_at = $2 where id = $1', [id, isDeleted ? ctx.now() : null]);
}

type Row = KeptTemplate & { readonly seal: Buffer };

const SELECT = `select id, organisation_id as "organisationId", name, file_name as "fileName", source, made_by as "madeBy", made_at as "madeAt", deleted_at as "deletedAt", seal
  from campaign_template`;

function checkName(given: string): string {
  const name = given.trim();
  if (name === '' || name.length > MAX_NAME || /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(name))
    throw refuseTemplate([
      { line: null, reason: 'name', message: `A template has a name of at most ${MAX_NAME} letters.` },
    ]);
  return name;
}

function isOurs(ctx: Context, row: Row): boolean {
  return isSealed(ctx.keyring, 'campaign-template', sealedParts(row), row.seal);
}

function sealedParts(row: Omit<KeptTemplate, 'deletedAt'>): (string | Date)[] {
  return [row.id, row.organisationId, row.name, row.fileName, row.source, row.madeBy, row.madeAt];
}

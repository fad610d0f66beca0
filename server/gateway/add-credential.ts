import { randomBytes, randomUUID } from 'node:crypto';
import type { GatewayPolicy } from '../../entities/gateway.js';
import { catalogue, type Catalogue, type ListFacts, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { hashSecret, sealCredential, type Credential } from './credential.js';

export interface NewCredential {
  /** Slugs; none for transactional mail. */
  readonly lists: readonly string[];
  /** The list of a mail that names none; absent: the only one, or none. */
  readonly defaultList?: string;
  /** The organisation's slug; needed only without lists, where there are several. */
  readonly organisation?: string;
  readonly isTransactional?: boolean;
  /** Recipients a day; transactional ones have 1,000 unless told. */
  readonly dailyCap?: number;
  /** What becomes of recipients who may not be mailed; `refuse` unless told. */
  readonly policy?: GatewayPolicy;
  /** What staff call it. */
  readonly name?: string;
  readonly by: Author;
}

/** Who makes or revokes a credential: the operator at the command line is an owner. */
export interface Author {
  readonly who: 'operator' | `staff:${string}`;
  readonly isOwner: boolean;
}

/** Of a transactional credential that is given none. */
const USUAL_CAP = 1_000;
const MOST_A_DAY = 10_000_000;
const MAX_NAME = 100;

/**
 * Makes a credential for the gateway, scoped to one organisation and its lists. Returns its password, which is kept nowhere. Throws `list-unknown`, `body-invalid`,
 * and `not-allowed` when somebody who is no owner wants one for transactional mail (T12).
 */
export async function addCredential(ctx: Context, wanted: NewCredential): Promise<Credential & { password: string }> {
  const known = await catalogue(ctx);
  const lists = wanted.lists.map((slug) => listNamed(known, slug));
  const isTransactional = wanted.isTransactional ?? false;
  check(wanted, lists, isTransactional);
  const organisation = lists[0]?.organisation ?? organisationNamed(known, wanted.organisation);
  const id = randomUUID();
  const password = randomBytes(32).toString('base64url');
  const credential = {
    ...{ id, organisationId: organisation.id, userName: `zg-${randomBytes(8).toString('hex')}`, name: nameOf(wanted) },
    ...{ listIds: lists.map((list) => list.id), defaultListId: defaultOf(wanted, lists)?.id ?? null },
    ...{ isTransactional, dailyCap: wanted.dailyCap ?? (isTransactional ? USUAL_CAP : null) },
    ...{ policy: wanted.policy ?? ('refuse' as const), madeBy: wanted.by.who, createdAt: ctx.now(), revokedAt: null },
  };
  const secretHash = hashSecret(ctx.keyring, ctx.keyring.current, id, password);
  const c = credential;
  await ctx.db.query(
    `insert into gateway_credential (id, organisation_id, user_name, secret_hash, name, list_ids, default_list_id, is_transactional, daily_cap, policy, made_by,
       created_at, seal) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      ...[c.id, c.organisationId, c.userName, secretHash, c.name, c.listIds, c.defaultListId, c.isTransactional],
      ...[c.dailyCap, c.policy, c.madeBy, c.createdAt, sealCredential(ctx.keyring, { ...c, secretHash })],
    ],
  );
  return { ...credential, lastUsedAt: null, password };
}

function check(wanted: NewCredential, lists: readonly ListFacts[], isTransactional: boolean): void {
  if (isTransactional && !wanted.by.isOwner)
    throw new Refusal('not-allowed', 'Only an owner makes a credential for transactional mail.');
  if (isTransactional === lists.length > 0)
    throw invalid('A credential is for lists, or for transactional mail: not for both, and not for neither.');
  if (new Set(lists.map((list) => list.organisation.id)).size > 1)
    throw invalid('The lists of a credential belong to one organisation.');
  const { dailyCap } = wanted;
  if (dailyCap !== undefined && !(Number.isInteger(dailyCap) && dailyCap > 0 && dailyCap <= MOST_A_DAY))
    throw invalid(`A cap is a number of recipients a day, 1 to ${MOST_A_DAY}.`);
}

function defaultOf({ defaultList }: NewCredential, lists: readonly ListFacts[]): ListFacts | undefined {
  if (defaultList === undefined) return lists.length === 1 ? lists[0] : undefined;
  const found = lists.find((list) => list.slug === defaultList);
  if (!found) throw invalid('The default list must be one of the lists of the credential.');
  return found;
}

function listNamed(known: Catalogue, slug: string): ListFacts {
  const list = known.lists.find((one) => one.slug === slug && one.organisation.isOurs);
  if (list) return list;
  const slugs = known.lists.map((one) => one.slug).join(', ');
  throw new Refusal('list-unknown', `There is no such list: ${slug}. There is ${slugs || 'none yet'}.`);
}

function organisationNamed({ organisations }: Catalogue, slug: string | undefined): OrganisationFacts {
  const ours = organisations.filter((one) => one.isOurs);
  const found = slug === undefined ? (ours.length === 1 ? ours[0] : undefined) : ours.find((one) => one.slug === slug);
  if (found) return found;
  throw invalid(`Say for which organisation: ${ours.map((one) => one.slug).join(', ')}.`);
}

function nameOf({ name = '' }: NewCredential): string {
  const plain = name.trim();
  if (plain.length > MAX_NAME || /[\p{C}\p{Zl}\p{Zp}]/u.test(plain))
    throw invalid(`A name has at most ${MAX_NAME} characters, and no line breaks.`);
  return plain;
}

function invalid(message: string): Refusal {
  return new Refusal('body-invalid', message);
}

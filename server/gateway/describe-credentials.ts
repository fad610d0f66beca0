import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { credentialsOf } from './credential.js';

/** A credential in words, as the command line shows it. */
export interface DescribedCredential {
  readonly user: string;
  readonly name: string;
  readonly organisation: string;
  readonly lists: readonly string[];
  readonly defaultList: string | null;
  readonly transactional: boolean;
  readonly cap: number | null;
  readonly policy: string;
  readonly what: string;
  readonly state: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** All credentials, newest first. */
export async function describeCredentials(ctx: Context): Promise<DescribedCredential[]> {
  const known = await catalogue(ctx);
  const slugOf = (id: string): string => known.lists.find((list) => list.id === id)?.slug ?? id;
  return (await credentialsOf(ctx, null)).map((one) => {
    const lists = one.listIds.map(slugOf);
    return {
      ...{ user: one.userName, name: one.name, lists, policy: one.policy, transactional: one.isTransactional },
      organisation: known.organisations.find(({ id }) => id === one.organisationId)?.slug ?? '',
      ...{ defaultList: one.defaultListId === null ? null : slugOf(one.defaultListId), cap: one.dailyCap },
      what: one.isTransactional ? `transactional, ${one.dailyCap ?? 'uncapped'} a day` : lists.join(', '),
      state: stateOf(one.revokedAt, one.lastUsedAt),
      ...{ createdAt: one.createdAt, lastUsedAt: one.lastUsedAt, revokedAt: one.revokedAt },
    };
  });
}

function stateOf(revokedAt: Date | null, lastUsedAt: Date | null): string {
  if (revokedAt) return `revoked ${revokedAt.toISOString()}`;
  return lastUsedAt ? `last used ${lastUsedAt.toISOString()}` : 'never used';
}

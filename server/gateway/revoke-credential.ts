import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import type { Author } from './add-credential.js';
import { credentialNamed, sealCredential, withoutSecret, type Credential } from './credential.js';

/**
 * Takes a credential back, at once and for good: its hash is destroyed, open sessions hand nothing more in. Mails that were taken still go. Throws `not-found`, and
 * `not-allowed` for one of transactional mail when it is no owner who asks. One that is revoked stays so.
 */
export async function revokeCredential(
  ctx: Context,
  { userName, by }: { userName: string; by: Author },
): Promise<Credential> {
  return ctx.db.transaction(async (tx) => {
    const row = await credentialNamed(ctx, tx, userName, 'for update');
    if (!row) throw new Refusal('not-found', 'There is no such credential.');
    if (row.isTransactional && !by.isOwner)
      throw new Refusal('not-allowed', 'Only an owner revokes a credential for transactional mail.');
    if (row.revokedAt !== null) return withoutSecret(row);
    const revoked = { ...row, secretHash: null, revokedAt: ctx.now() };
    await tx.query('update gateway_credential set secret_hash = null, revoked_at = $2, seal = $3 where id = $1', [
      row.id,
      revoked.revokedAt,
      sealCredential(ctx.keyring, revoked),
    ]);
    return withoutSecret(revoked);
  });
}

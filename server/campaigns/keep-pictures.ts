import type { Tx } from '../database/connect.js';
import type { Picture } from './prepare.js';

/** Keeps the pictures of a campaign, each once, whichever campaigns show it. */
export async function keepPictures(tx: Tx, campaignId: string, pictures: readonly Picture[]): Promise<void> {
  for (const [place, { type, sha256, body }] of pictures.entries()) {
    const hash = Buffer.from(sha256, 'hex');
    await tx.query('insert into picture (sha256, type, body) values ($1, $2, $3) on conflict (sha256) do nothing', [
      ...[hash, type, body],
    ]);
    await tx.query('insert into campaign_picture (campaign_id, place, sha256) values ($1, $2, $3)', [
      ...[campaignId, place, hash],
    ]);
  }
}

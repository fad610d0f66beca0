import type { Tx } from '../database/connect.js';
import { columnsOf, unnest } from '../database/rows.js';
import type { Picture } from './prepare.js';

/** Keeps the pictures of a campaign, each once, whichever campaigns show it. */
export async function keepPictures(tx: Tx, campaignId: string, pictures: readonly Picture[]): Promise<void> {
  if (pictures.length === 0) return;
  const hashes = pictures.map(({ sha256 }) => Buffer.from(sha256, 'hex'));
  const known = await tx.query<{ sha256: string }>(
    `select encode(sha256, 'hex') as sha256 from picture where sha256 = any($1::bytea[])`,
    [hashes],
  );
  // None is ever deleted, so what is there stays, and its bytes need not be sent again.
  const added = pictures.filter(({ sha256 }) => !known.some((one) => one.sha256 === sha256));
  // In an order that is the same for all: two campaigns that bring along the same pictures never wait for each other in a circle.
  await tx.query(
    `insert into picture (sha256, type, body) select * from ${unnest(1, ['sha256 bytea', 'type text', 'body bytea'])} order by sha256
     on conflict (sha256) do nothing`,
    columnsOf(
      added.map(({ sha256, type, body }) => [Buffer.from(sha256, 'hex'), type, body]),
      3,
    ),
  );
  await tx.query(
    `insert into campaign_picture (campaign_id, place, sha256) select $1, * from ${unnest(2, ['place int', 'sha256 bytea'])}`,
    [campaignId, ...columnsOf([...hashes.entries()], 2)],
  );
}

import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { draw } from '../keys/draw.js';
import { openChunk, sealChunk } from './mail.js';

/** The bytes of a mail that comes in: a small one stays in memory until it is taken, a large one goes into the database piece by piece. */
export interface Spool {
  readonly id: string;
  readonly key: Buffer;
  readonly bytes: number;
  write(piece: Buffer): Promise<void>;
  /** The whole mail when it is small; null: it lies in the database. */
  finish(): Promise<Buffer | null>;
  /** Forgets what was written. */
  discard(): Promise<void>;
}

/** In bytes; a mail of at most so many is small. */
export const CHUNK_BYTES = 512 * 1024;

/** Opens a spool under a fresh key. */
export function openSpool(ctx: Context, id: string): Spool {
  const key = draw(32);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let bytes = 0;
  let places = 0;
  const flush = async (): Promise<void> => {
    const chunk = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    const place = places;
    places += 1;
    await ctx.db.query('insert into gateway_chunk (mail_id, place, body, created_at) values ($1, $2, $3, $4)', [
      ...[id, place, sealChunk(key, id, place, chunk), ctx.now()],
    ]);
  };
  return {
    id,
    key,
    get bytes() {
      return bytes;
    },
    write: async (piece) => {
      waiting.push(piece);
      waitingBytes += piece.length;
      bytes += piece.length;
      if (bytes > CHUNK_BYTES && waitingBytes >= CHUNK_BYTES) await flush();
    },
    finish: async () => {
      if (places === 0 && bytes <= CHUNK_BYTES) return Buffer.concat(waiting);
      if (waitingBytes > 0) await flush();
      return null;
    },
    discard: async () => {
      waiting = [];
      if (places > 0) await ctx.db.query('delete from gateway_chunk where mail_id = $1', [id]);
    },
  };
}

/** The bytes of a mail that was spooled, piece by piece, so that they lie in memory once only. Throws when one is missing or not ours. */
export async function readSpool(
  on: Queryable,
  { id, key, bytes }: { id: string; key: Buffer; bytes: number },
): Promise<Buffer> {
  const raw = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let place = 0; at < bytes; place += 1) {
    const [chunk] = await on.query<{ body: Buffer }>(
      'select body from gateway_chunk where mail_id = $1 and place = $2',
      [id, place],
    );
    if (!chunk) throw new Error('a piece of a mail is missing');
    at += openChunk(key, id, place, chunk.body).copy(raw, at);
  }
  return raw;
}

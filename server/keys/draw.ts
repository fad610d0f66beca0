import { randomBytes } from 'node:crypto';

const POOL = 8192;
let pool = Buffer.alloc(0);

/**
 * Random bytes for salts, nonces and keys, fetched from the system some thousand at a time: fetching sixteen costs as much. No byte is given out twice, and
 * what is given out is never written again. At most 64 bytes.
 */
export function draw(bytes: number): Buffer {
  if (bytes > 64) throw new Error('more than 64 bytes are drawn from the system itself');
  if (pool.length < bytes) pool = randomBytes(POOL);
  const drawn = pool.subarray(0, bytes);
  pool = pool.subarray(bytes);
  return drawn;
}

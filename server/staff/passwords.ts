import { createHmac, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { Refusal } from '../errors.js';
import { knownKey, type Keyring } from '../keys/keyring.js';

/** The only rule: length counts, signs and digits do not. */
export const MIN_PASSWORD = 10;
const MAX_PASSWORD = 1_000;

/** RFC 7914; 32 MB and about 100 ms each. */
const COST = { N: 2 ** 15, r: 8, p: 1 };
const HASH_BYTES = 32;

/**
 * `scrypt$master$N$r$p$salt$hash` of a password. It is peppered first with a key that is not in the database and bound to whose it is, so
 * that SQL alone can neither make a login nor copy one (T6). Throws `body-invalid` for a password that is too short or too long.
 */
export async function hashPassword(keyring: Keyring, staffId: string, password: string): Promise<string> {
  if (password.length < MIN_PASSWORD || password.length > MAX_PASSWORD) {
    throw new Refusal('body-invalid', `A password has at least ${MIN_PASSWORD} characters.`);
  }
  const salt = randomBytes(16);
  const hash = await derive(pepper(keyring, keyring.current, staffId, password), salt, COST);
  const { N, r, p } = COST;
  return ['scrypt', keyring.current, N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Is this the password? Null stored: takes the same time and says no, so that nobody learns who has a login. */
export async function isPassword(
  keyring: Keyring,
  staffId: string,
  stored: string | null,
  password: string,
): Promise<boolean> {
  const [name, master, N, r, p, salt, hash] = (stored ?? '').split('$');
  const id = Number(master);
  const isReadable = name === 'scrypt' && hash !== undefined && keyring.key('pepper', id) !== null;
  const cost = isReadable ? { N: Number(N), r: Number(r), p: Number(p) } : COST;
  const peppered = pepper(keyring, isReadable ? id : keyring.current, staffId, password.slice(0, MAX_PASSWORD + 1));
  const given = await derive(peppered, Buffer.from(salt ?? '', 'base64url'), cost);
  const expected = Buffer.from(hash ?? '', 'base64url');
  return isReadable && expected.length === HASH_BYTES && timingSafeEqual(given, expected);
}

// The same word typed on another keyboard may come in other code points.
function pepper(keyring: Keyring, master: number, staffId: string, password: string): Buffer {
  return createHmac('sha256', knownKey(keyring, 'pepper', master))
    .update(`password\0${staffId}\0${password.normalize('NFKC')}`)
    .digest();
}

async function derive(secret: Buffer, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, { ...cost, maxmem: 128 * 1024 * 1024 }, (error, hash) => {
      if (error) reject(error);
      else resolve(hash);
    });
  });
}

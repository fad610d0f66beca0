import { createHash } from 'node:crypto';
import type { LogKey } from './log-keys.js';

/** The signed head that a `config` or a rotation left behind, by the SHA-256 of its note (lower-case hex); null: there is none. */
export function oldTip(keys: readonly LogKey[], sha256: string): string | null {
  const tips = keys.flatMap((key) => (key.oldTip === null ? [] : [key.oldTip]));
  return tips.find((note) => createHash('sha256').update(note).digest('hex') === sha256) ?? null;
}

import { Refusal } from '../errors.js';
import type { Keyring } from '../keys/keyring.js';
import { openReturnAddress, type DeliveryKey } from '../links/bounce-token.js';
import { openAddressToken, openReplyToken } from '../links/token.js';

/** What one of our own addresses is for. */
export type Target =
  /** `u+<token>@`: unsubscribes (M-28). */
  | { readonly kind: 'unsubscribe'; readonly ref: Buffer }
  /** `y+<token>@`: answers that confirm (T14). */
  | { readonly kind: 'answer'; readonly secret: Buffer }
  /** `b+<token>@`: what comes back of one mail (M-36). */
  | { readonly kind: 'return'; readonly of: DeliveryKey }
  /** `f+<name>@`: where providers send complaints, as it was registered with them (M-38). */
  | { readonly kind: 'feedback' };

/** What an address is for; null: it is none of ours. The token decides, in letters of either case; the domain does not (M-29). */
export function targetOf(keyring: Keyring, address: string): Target | null {
  try {
    return open(keyring, address);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function open(keyring: Keyring, address: string): Target | null {
  const [, kind = '', token = ''] = /^([ubyf])\+([a-z0-9.-]{1,62})@/i.exec(address) ?? [];
  switch (kind.toLowerCase()) {
    case 'u':
      return { kind: 'unsubscribe', ref: openAddressToken(keyring, 'x', token) };
    case 'y':
      return { kind: 'answer', secret: openReplyToken(keyring, token) };
    case 'b': {
      const of = openReturnAddress(keyring, address);
      return of && { kind: 'return', of };
    }
    case 'f':
      return { kind: 'feedback' };
    default:
      return null;
  }
}

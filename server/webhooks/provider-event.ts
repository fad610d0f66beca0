/** What a provider says happened to one recipient of one mail. */
export interface ProviderEvent {
  /** What we gave the mail along, by which the provider names it: `providerFields`, or the envelope's sender; null: no mail of ours. */
  readonly mark: string | null;
  /** As the provider writes it. */
  readonly recipient: string;
  readonly happenedAt: Date;
  /** `hard`: the address is none; `policy`: we or our mail are refused; `soft`: for now; `complaint`: the person called it spam. */
  readonly kind: 'hard' | 'soft' | 'policy' | 'complaint';
  /** RFC 3463; null where none was given. */
  readonly status: string | null;
  /** What the refusing server said; empty: nobody says. */
  readonly said: string;
}

/** The name of our argument with every provider. */
export const ARGUMENT = 'zgoda';

/** The first enhanced status in what a server answered: `5.1.1`; null: none. */
export function statusIn(...texts: readonly (string | null | undefined)[]): string | null {
  for (const text of texts) {
    const found = /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])/.exec(text ?? '');
    if (found) return found[0];
  }
  return null;
}

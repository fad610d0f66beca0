import type { SealedSignUp } from './subscribe.js';

/** How an address reached us: typed into a form, or noted by staff. */
export type Origin = { readonly kind: 'form'; readonly host: string } | { readonly kind: 'phone' | 'paper' };

/** As mails and pages name it. */
export function originOf({ formHost, noted }: Pick<SealedSignUp, 'formHost' | 'noted'>): Origin {
  return noted ? { kind: noted.how } : { kind: 'form', host: formHost };
}

/** When the person asked for it: of what staff noted, when it was said. */
export function askedAt({ noted }: Pick<SealedSignUp, 'noted'>, requestedAt: Date): Date {
  return noted ? new Date(noted.saidAt) : requestedAt;
}

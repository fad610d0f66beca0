import { field, type HeaderField } from './headers.js';

/** Providers that tell us what became of mail. */
export type Provider = 'ses' | 'postmark' | 'mailgun' | 'sendgrid';

/**
 * A header by which a provider names a mail when it tells of it; each has its own, and takes it out or leaves it to nobody's harm. `mark`: letters and digits
 * only. They go before the signed mail, unsigned, as providers change them.
 */
export function providerFields(providers: readonly Provider[], mark: string): HeaderField[] {
  if (!/^[a-z0-9]{1,80}$/.test(mark)) throw new RangeError('mark: letters and digits');
  return providers.map((provider) => FIELDS[provider](mark));
}

const FIELDS: Readonly<Record<Provider, (mark: string) => HeaderField>> = {
  ses: (mark) => field('X-SES-MESSAGE-TAGS', `zgoda=${mark}`),
  postmark: (mark) => field('X-PM-Metadata-zgoda', mark),
  mailgun: (mark) => field('X-Mailgun-Variables', JSON.stringify({ zgoda: mark })),
  sendgrid: (mark) => field('X-SMTPAPI', JSON.stringify({ unique_args: { zgoda: mark } })),
};

import { z } from 'zod';

/** How mail leaves. */
export interface SendingConfig {
  /** How long a mail that is put off is tried again. */
  readonly retryHours: number;
  /** Mails a second to one recipient domain; null: as fast as it goes. Named domains have limits of their own. */
  readonly perDomain: { readonly usual: number | null; readonly named: ReadonlyMap<string, number> };
}

const WORD = /^(?:([a-z0-9-]+(?:\.[a-z0-9-]+)+)=)?(\d{1,4}(?:\.\d{1,3})?)$/;

/** Part of all settings. */
export const sendingSettings = {
  SMTP_URL: z
    .string()
    .transform((text) => text.trim().split(/\s+/))
    .refine(
      (urls) => urls.every(isSmtpUrl),
      'must be a URL that starts with smtp: or smtps:, or several with spaces between',
    )
    .transform((urls) => urls.join(' '))
    .optional(),
  SEND_PER_DOMAIN: z
    .string()
    .transform((text) => text.split(',').map((word) => word.trim().toLowerCase()))
    .refine(
      (words) => words.every((word) => Number(WORD.exec(word)?.[2]) > 0) && words.filter(isUsual).length < 2,
      'must be mails a second to each recipient domain, such as 20 or 20,gmail.com=5',
    )
    .optional(),
  RETRY_HOURS: z.coerce.number({ error: 'must be a number from 1 to 240' }).int().min(1).max(240).default(72),
};

/** What was set. */
export function toSendingConfig(set: { SEND_PER_DOMAIN?: string[] | undefined; RETRY_HOURS: number }): SendingConfig {
  const words = set.SEND_PER_DOMAIN ?? [];
  const usual = words.find(isUsual);
  const named = words.filter((word) => !isUsual(word)).map((word) => word.split('='));
  return {
    retryHours: set.RETRY_HOURS,
    perDomain: {
      usual: usual === undefined ? null : Number(usual),
      named: new Map(named.map(([domain = '', limit]) => [domain, Number(limit)])),
    },
  };
}

function isUsual(word: string): boolean {
  return !word.includes('=');
}

function isSmtpUrl(text: string): boolean {
  return URL.canParse(text) && /^smtps?:$/.test(new URL(text).protocol);
}

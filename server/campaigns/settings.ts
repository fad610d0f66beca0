import { z } from 'zod';

const moment = z.iso.datetime({ offset: true });
const word = z
  .string()
  .min(1)
  .max(100)
  .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'contains a control character');
const words = z.array(word).min(1).max(50);
const MOST_ATTRIBUTES = 5;

/** Who of a list gets a campaign; nothing said: everybody. All that is said must hold. */
const audience = z.strictObject({
  /** Of the subscriber: any of these. */
  languages: words.optional(),
  /** Wants one of these, or chose none. */
  topics: words.optional(),
  /** On the list since this moment, or later. */
  joinedAfter: moment.optional(),
  joinedBefore: moment.optional(),
  /** By name; only what the organisation allows to be asked (T11). */
  attributes: z
    .record(word, word)
    .refine((all) => Object.keys(all).length <= MOST_ATTRIBUTES, `has more than ${MOST_ATTRIBUTES} attributes`)
    .optional(),
});

/** When and how fast a campaign goes out; nothing said: at once, as fast as it goes. */
const sending = z.strictObject({
  /** Not before. */
  at: moment.optional(),
  /** At most so many mails a second. */
  perSecond: z.int().min(1).max(10_000).optional(),
  /** At most so many mails on the first day, counted from the start, and twice as many on each day after. */
  warmUp: z.int().min(1).max(10_000_000).optional(),
  /** How long a mail that is put off is tried again; nothing said: as the service does. */
  tryForHours: z.int().min(1).max(240).optional(),
  /** A mail of which it stays unknown whether it arrived: once more, with the same Message-ID, or left at that; nothing said: once more. */
  onUnknown: z.enum(['again', 'leave']).optional(),
});

/**
 * Whether clicks are counted; nothing said: off. `aggregate`: by links that are the same for everybody. `agreed`: as that, and openings and clicks of those who agreed
 * to tracking, one by one.
 */
const tracking = z.enum(['off', 'aggregate', 'agreed']);

/** Nothing said: they go along with each mail. */
const pictures = z.enum(['inlined', 'hosted']);

const settings = z.strictObject({
  audience: audience.optional(),
  sending: sending.optional(),
  tracking: tracking.optional(),
  pictures: pictures.optional(),
});

/** How a campaign is to go out; sealed with its content, so that nobody changes it by writing SQL (T6). */
export type CampaignSettings = z.infer<typeof settings>;
export type AudienceFilter = z.infer<typeof audience>;
export type Tracking = z.infer<typeof tracking>;
export type SendingPlan = z.infer<typeof sending>;

/** Reads a filter from outside. Throws ZodError. */
export function readFilter(given: unknown): AudienceFilter {
  return audience.parse(given);
}

/** Does a filter say nothing: is it the whole list? */
export function isWholeList(filter: AudienceFilter | undefined): boolean {
  return filter === undefined || Object.keys(filter).length === 0;
}

/** Reads settings from outside; those that say nothing are left out. Throws ZodError. */
export function readSettings(given: unknown): CampaignSettings {
  const { audience: filter, sending: plan, tracking: counted = 'off', ...rest } = settings.parse(given);
  return {
    ...(filter && !isWholeList(filter) ? { audience: filter } : {}),
    ...(plan && Object.keys(plan).length > 0 ? { sending: plan } : {}),
    ...(counted === 'off' ? {} : { tracking: counted }),
    ...rest,
  };
}

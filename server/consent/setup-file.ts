import { z } from 'zod';
import { parseAddress } from '../mail/address.js';

// Marks of holes as well: whoever writes one into a text would have a link filled in there.
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f\p{Cs}\ufdd0\ufdd1]/u;
const LINE_CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const words = z.string().refine((value) => !CONTROLS.test(value), 'contains a control character');
const text = words.trim().min(1).max(4000);
/** What stands in headers and titles. */
const line = text.refine((value) => !LINE_CONTROLS.test(value), 'must be one line, without control characters');
const lines = z.array(line).max(50).default([]);
/** Fields of every sign-up form. */
const TAKEN = ['email', 'consent', 'ticket', 'website', 'topics', 'tracking', 'address', 'nonce'];
const base = z
  .url({ protocol: /^https?$/, error: 'must be a URL that starts with http: or https:' })
  .refine((url) => !/[?#@\s]/.test(url), 'must have no user, "?", "#" or blank')
  .transform((url) => url.replace(/\/+$/, ''));
const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens');
const language = z.enum(['en', 'pl']);
const domain = z.string().refine((name) => isAddress(`a@${name}`), 'must be a domain, such as in.example.org');
const address = z.string().refine(isAddress, 'must be a mail address');

const inLanguages = z.partialRecord(language, line);
const attribute = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, 'must be lower-case letters, digits and underscores'),
    labels: inLanguages,
    filter: z.boolean().default(false),
    sensitive: z.boolean().default(false),
  })
  .refine(({ filter, sensitive }) => !(filter && sensitive), 'what is sensitive cannot be a filter')
  .refine(({ name }) => !TAKEN.includes(name), 'is the name of another field of the form');
const topic = z.object({ slug, names: inLanguages });
const texts = z.partialRecord(
  language,
  z.object({
    name: line,
    about: text,
    frequency: line,
    sharedWith: words.max(4000).default(''),
    retention: words.max(4000).default(''),
    wording: text,
  }),
);

/** What `zgoda setup FILE` reads. */
export const definition = z.object({
  organisation: z.object({
    slug,
    name: line,
    legalName: line,
    postalAddress: text,
    privacyContact: address,
    fromAddress: address,
    publicUrl: base.nullable().default(null),
    inboundDomain: domain.nullable().default(null),
    dataProtectionOfficer: line.nullable().default(null),
    recipients: lines,
    storageLocations: lines,
    transfers: lines,
    attributes: z
      .array(attribute)
      .max(20)
      .default([])
      .refine((all) => differ(all.map(({ name }) => name)), 'must differ in their names'),
    releaseBySecond: z.boolean().default(false),
    language,
    jurisdiction: z.string().length(2),
    timeZone: z
      .string()
      .refine(
        (zone) => Intl.supportedValuesOf('timeZone').includes(zone) || zone === 'UTC',
        'must be a time zone such as Europe/Warsaw',
      ),
  }),
  notices: z.partialRecord(language, words.min(1).max(100_000)).default({}),
  lists: z.array(
    z.object({
      slug,
      language,
      acceptedBases: z
        .array(z.enum(['confirmed', 'asserted', 'soft-opt-in']))
        .min(1)
        .default(['confirmed']),
      confirmByReply: z.boolean().default(false),
      topics: z
        .array(topic)
        .max(20)
        .default([])
        .refine((all) => differ(all.map((one) => one.slug)), 'must differ in their slugs'),
      texts,
    }),
  ),
  /** What people may agree to beside lists: that it is seen what they open and follow. */
  tracking: z.object({ slug, language, texts }).optional(),
  forms: z.array(z.object({ id: slug, list: slug, allowedOrigins: z.array(base).default([]) })).default([]),
});

function differ(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

function isAddress(value: string): boolean {
  try {
    parseAddress(value);
    return true;
  } catch {
    return false;
  }
}

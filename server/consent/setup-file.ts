import { z } from 'zod';
import { parseAddress } from '../mail/address.js';

const text = z.string().trim().min(1).max(4000);
const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens');
const language = z.enum(['en', 'pl']);
const address = z.string().refine(isAddress, 'must be a mail address');

/** What `zgoda setup FILE` reads. */
export const definition = z.object({
  organisation: z.object({
    slug,
    name: text,
    legalName: text,
    postalAddress: text,
    privacyContact: address,
    fromAddress: address,
    publicUrl: z.url().nullable().default(null),
    inboundDomain: z.string().nullable().default(null),
    language,
    jurisdiction: z.string().length(2),
    timeZone: z
      .string()
      .refine(
        (zone) => Intl.supportedValuesOf('timeZone').includes(zone) || zone === 'UTC',
        'must be a time zone such as Europe/Warsaw',
      ),
  }),
  notices: z.partialRecord(language, z.string().min(1).max(100_000)).default({}),
  lists: z.array(
    z.object({
      slug,
      language,
      acceptedBases: z
        .array(z.enum(['confirmed', 'asserted', 'soft-opt-in']))
        .min(1)
        .default(['confirmed']),
      texts: z.partialRecord(
        language,
        z.object({
          name: text,
          about: text,
          frequency: text,
          sharedWith: z.string().default(''),
          retention: z.string().default(''),
          wording: text,
        }),
      ),
    }),
  ),
  forms: z.array(z.object({ id: slug, list: slug, allowedOrigins: z.array(z.url()).default([]) })).default([]),
});

function isAddress(value: string): boolean {
  try {
    parseAddress(value);
    return true;
  } catch {
    return false;
  }
}

import { z } from 'zod';
import { fieldName, writeTag } from '../mail/template-tag.js';

/** Mailing systems whose tags are known; `unknown` for what looks like a tag of some system. */
export type TagSystem = 'mailchimp' | 'listmonk' | 'phplist' | 'mailtrain' | 'unknown';

const field = z
  .string()
  .max(60)
  .refine((name) => fieldName(name) === name);
const words = z.string().max(500);

const becomes = z.discriminatedUnion('as', [
  z.strictObject({ as: z.literal('field'), field, fallback: words }),
  /** Empty: nothing. */
  z.strictObject({ as: z.literal('text'), text: words }),
  /** A condition: who has a value in that field gets what follows. */
  z.strictObject({ as: z.literal('if'), field }),
  z.strictObject({ as: z.literal('always') }),
  z.strictObject({ as: z.literal('never') }),
]);

/** What a tag of another system becomes. */
export type Becomes = z.infer<typeof becomes>;

/** A tag that was found in a file. */
export interface ForeignTag {
  /** As it stands there. */
  readonly tag: string;
  readonly system: TagSystem;
  /** Does it begin a condition? */
  readonly isCondition: boolean;
  /** Where, from 1; the first few. */
  readonly lines: readonly number[];
  readonly becomes: Becomes;
}

const found = z.strictObject({
  tag: z.string().max(400),
  system: z.enum(['mailchimp', 'listmonk', 'phplist', 'mailtrain', 'unknown']),
  isCondition: z.boolean(),
  lines: z.array(z.number()).max(20),
  becomes,
});

const kept = z.strictObject({
  isAccepted: z.boolean(),
  subject: z.string().max(1_000),
  preheader: z.string().max(1_000).optional(),
  tags: z.array(found).max(1_000),
});

/** The tags of a draft. */
export interface KeptTags {
  /** Has somebody accepted what they become? */
  readonly isAccepted: boolean;
  /** As it was given, with its tags; '': the title of the file. */
  readonly subject: string;
  /** As it was given, with its tags; absent: that of the file. */
  readonly preheader?: string | undefined;
  readonly tags: readonly ForeignTag[];
}

/** Reads what the database keeps. Throws ZodError. */
export function readKeptTags(given: unknown): KeptTags {
  return kept.parse(given);
}

/** Reads a choice from outside; null: it is none. */
export function readBecomes(given: unknown): Becomes | null {
  const read = becomes.safeParse(given);
  return read.success ? read.data : null;
}

/** In words for the command line: `{{email}}`, `"reader"`, `nothing`. */
export function sayBecomes(one: Becomes): string {
  if (one.as === 'field') return writeTag({ kind: 'field', name: one.field, fallback: one.fallback });
  if (one.as === 'text') return one.text === '' ? 'nothing' : JSON.stringify(one.text);
  if (one.as === 'if') return `{{#if ${one.field}}}`;
  return one.as === 'always' ? 'shown to everybody' : 'shown to nobody';
}

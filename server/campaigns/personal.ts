import { personalValue, type PersonalHoles } from '../mail/fill-template.js';
import { textField, type HeaderField } from '../mail/headers.js';
import { cutAtHoles, hasHole } from '../mail/hole.js';
import { footerDate } from './words.js';

/** What a mail may say of its recipient. */
export interface Personal {
  readonly address: string;
  /** By name, without `attribute.`; absent: nothing is known. */
  readonly attributes?: Readonly<Record<string, string>>;
}

interface Prepared {
  readonly subject: string;
  readonly personal: PersonalHoles;
  /** Does it say when it was sent? */
  readonly isDated: boolean;
}

/** Of the fields that a campaign asks for, those in which a person has a value; sorted. */
export function presentFields(asked: readonly string[], person: Personal): ReadonlySet<string> {
  if (asked.length === 0) return NOTHING;
  const values = valuesOf(person);
  return new Set(
    asked.filter((field) => personalValue({ field, fallback: '' }, values) !== '' || isCommon(field)).sort(),
  );
}

/** What fills the holes of a campaign for one person, but for their links. */
export function personalHoles(
  { personal, isDated }: Prepared,
  person: Personal,
  at: { readonly language: string; readonly now: Date; readonly zone: string },
): Record<string, string> {
  const holes: Record<string, string> = isDated
    ? { sent_on: footerDate(at.language, at.now, at.zone), sent_in: yearOf(at.now, at.zone) }
    : {};
  if (personal.size === 0) return holes;
  const values = valuesOf(person);
  for (const [name, piece] of personal) holes[name] = personalValue(piece, values);
  return holes;
}

/** The headers of one person's copy: a subject that speaks to them is written now, in one line, whatever their values hold. */
export function personalHeaders(
  { subject }: Prepared,
  holes: Readonly<Record<string, string>>,
  headers: readonly HeaderField[],
): readonly HeaderField[] {
  if (!hasHole(subject)) return headers;
  const line = personalSubject(subject, holes);
  return headers.map((field) => (field[0] === 'Subject' ? textField('Subject', line) : field));
}

/** A subject with its holes filled. */
export function personalSubject(subject: string, holes: Readonly<Record<string, string>>): string {
  const words = cutAtHoles(subject).map((part, i) => (i % 2 === 0 ? part : (holes[part] ?? '')));
  return words.join('').replace(/\s+/g, ' ').trim().slice(0, MAX_SUBJECT);
}

const NOTHING: ReadonlySet<string> = new Set();
const MAX_SUBJECT = 300;

function isCommon(field: string): boolean {
  return field !== 'email' && !field.startsWith('attribute.');
}

function valuesOf({ address, attributes = {} }: Personal): Record<string, string> {
  const values: Record<string, string> = { email: address };
  for (const [name, value] of Object.entries(attributes)) values[`attribute.${name}`] = value;
  return values;
}

/** Of the day on which something happened, where it happened. */
export function yearOf(now: Date, zone: string): string {
  return new Intl.DateTimeFormat('en', { year: 'numeric', timeZone: zone }).format(now);
}

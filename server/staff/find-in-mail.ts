import { consentByRef, type RefColumn } from '../consent/find.js';
import { uuidOf } from '../links/uuid.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { openReturnAddress } from '../links/bounce-token.js';
import { openAddressToken, openLink } from '../links/token.js';
import { tokensIn, type TokensIn } from '../mail/tokens-in.js';

/** Whose mail it is. */
export interface FoundInMail {
  /** Each person once, the one with most links in it first. */
  readonly people: readonly { readonly subscriberId: string; readonly organisationId: string }[];
  /** Some link in it is ours, if nobody's: a test's, or that of somebody who was erased. */
  readonly isOurs: boolean;
}

/** 1 MB. */
export const MAX_MAIL_BYTES = 1_000_000;
const MOST_PEOPLE = 10;

/** Finds by the links of a mail to whom we sent it; every link must carry our tag. Size first. Throws `body-too-large`. */
export async function findInMail(ctx: Context, mail: Buffer): Promise<FoundInMail> {
  if (mail.length > MAX_MAIL_BYTES) throw new Refusal('body-too-large', 'The mail is larger than 1 MB.');
  const { links, addresses, returns } = tokensIn(mail);
  const refs = [
    ...links.flatMap((link) => openOurs(ctx, link)),
    ...addresses.flatMap((one) => openAddress(ctx, one)),
    ...returns.flatMap((one) => openReturn(ctx, one)),
  ];
  const found = new Map<string, { subscriberId: string; organisationId: string; links: number }>();
  for (const ref of refs) {
    const person = await ref();
    if (!person) continue;
    const known = found.get(person.subscriberId);
    if (known) known.links += 1;
    else if (found.size < MOST_PEOPLE) found.set(person.subscriberId, { ...person, links: 1 });
  }
  const people = [...found.values()].sort((a, b) => b.links - a.links);
  return {
    people: people.map(({ subscriberId, organisationId }) => ({ subscriberId, organisationId })),
    isOurs: refs.length > 0,
  };
}

type Person = FoundInMail['people'][number];
/** Asks the database whose it is. */
type Lookup = () => Promise<Person | null>;

function openOurs(ctx: Context, { purpose, token }: TokensIn['links'][number]): Lookup[] {
  const ref = refOf(() => openLink(ctx.keyring, ctx.audiences, purpose, token, ctx.now()).ref);
  if (!ref) return [];
  if (purpose === 'u') return [byRef(ctx, 'unsubscribe_ref', ref)];
  if (purpose === 'p') return [byRef(ctx, 'preferences_ref', ref)];
  return [async () => (purpose === 'c' ? byOffer(ctx, uuidOf(ref)) : bySignUp(ctx, uuidOf(ref)))];
}

function openAddress(ctx: Context, token: string): Lookup[] {
  const ref = refOf(() => openAddressToken(ctx.keyring, 'x', token));
  return ref ? [byRef(ctx, 'mailto_ref', ref)] : [];
}

function openReturn(ctx: Context, address: string): Lookup[] {
  try {
    const of = openReturnAddress(ctx.keyring, address);
    return of ? [async () => bySubscriber(ctx, of.subscriberId)] : [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [];
  }
}

/** The ref of a link that we signed, also once it has expired; null for any other. */
function refOf(open: () => Buffer): Buffer | null {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { ref } = error.facts;
    return error.code === 'link-expired' && Buffer.isBuffer(ref) ? ref : null;
  }
}

function byRef(ctx: Context, column: RefColumn, ref: Buffer): Lookup {
  return async () => consentByRef(ctx, column, ref);
}

async function byOffer(ctx: Context, id: string): Promise<Person | null> {
  return first(ctx, 'offer o join consent c on c.id = o.consent_id', 'o.id', id);
}

async function bySignUp(ctx: Context, id: string): Promise<Person | null> {
  return first(ctx, 'sign_up u join consent c on c.id = u.consent_id', 'u.id', id);
}

async function bySubscriber(ctx: Context, id: string): Promise<Person | null> {
  const [row] = await ctx.db.query<Person>(
    'select id as "subscriberId", organisation_id as "organisationId" from subscriber where id = $1',
    [id],
  );
  return row ?? null;
}

async function first(ctx: Context, from: string, column: string, id: string): Promise<Person | null> {
  const [row] = await ctx.db.query<Person>(
    `select s.id as "subscriberId", s.organisation_id as "organisationId" from ${from} join subscriber s on s.id = c.subscriber_id where ${column} = $1`,
    [id],
  );
  return row ?? null;
}

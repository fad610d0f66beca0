import { createHash } from 'node:crypto';
import { mailtoUrl, whyOf } from '../campaigns/builder.js';
import { footerLanguage, footerOf, senderId } from '../campaigns/prepare.js';
import { footerDate } from '../campaigns/words.js';
import { linkAddress, textOf, type ListFacts, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Claimed, ClaimedConsent } from '../delivery/claim.js';
import type { Builder, BuiltMail, Made } from '../delivery/built-mail.js';
import { Refusal } from '../errors.js';
import { preferencesUrl, unsubscribeUrl } from '../links/urls.js';
import { domainOf } from '../mail/address.js';
import { addressedTo } from '../mail/addressed-to.js';
import { injectFooter, type PreparedMessage, type Recipe } from '../mail/footer-engine.js';
import { datedWhy, type Footer } from '../mail/footer.js';
import type { HeaderField } from '../mail/headers.js';
import { listFields, unsubscribeFields } from '../mail/list-headers.js';
import { signCopy } from '../delivery/sign-copy.js';
import { asSevenBit } from '../mail/recipe.js';
import { toSevenBit } from '../mail/seven-bit.js';
import { domainsOf } from '../delivery/known-domains.js';
import { keepOrWarn, keepRecipes, type Changed } from './keep-recipes.js';
import { takenMails, type TakenMail } from './taken-mails.js';

type Cannot = { readonly delivery: Claimed; readonly cannot: string };
type Built = BuiltMail | Cannot;

/**
 * Builds the mails of other systems: the footer of the list and the headers to unsubscribe go into each recipient's copy, and it is signed: each leaves when its
 * signatures are there. A large one is built only when its turn to leave has come. What cannot get a footer does not leave (promise 8).
 */
export const gatewayBuilder: Builder = async (ctx, deliveries) => {
  const mails = await takenMails(ctx, [...new Set(deliveries.map((one) => one.messageId))]);
  const begun = await Promise.all(
    deliveries.map(async (delivery) => begin(ctx, mails.get(delivery.messageId) ?? 'unknown', delivery)),
  );
  const recipes = begun.flatMap((one) => ('unsigned' in one ? changedIn(one) : []));
  // Beside the mails, which need not wait for it: only what became of them waits.
  const kept = recipes.length > 0 ? keepOrWarn(ctx, recipes) : Promise.resolve();
  return begun.map((one): Built => {
    if (!('unsigned' in one)) return 'cannot' in one ? one : { ...one, kept };
    return { delivery: one.delivery, from: one.organisation.fromAddress, message: sign(ctx, one), kept };
  });
};

async function begin(ctx: Context, mail: TakenMail | string, delivery: Claimed): Promise<Built | Copy> {
  if (typeof mail === 'string') return { delivery, cannot: mail };
  if (mail.isSmall) return copyOf(ctx, mail, delivery);
  const from = mail.organisation.fromAddress;
  return { delivery, from, message: async () => buildLarge(ctx, mail, delivery) };
}

/** Builds what `reportSkipped` tells a sender: nobody is told when that does not arrive, and nothing answers it. */
export const reportBuilder: Builder = async (ctx, deliveries) =>
  (await gatewayBuilder(ctx, deliveries)).map((built) => ('from' in built ? { ...built, from: '' } : built));

async function buildLarge(ctx: Context, mail: TakenMail, delivery: Claimed): Promise<Made> {
  const copy = await copyOf(ctx, mail, delivery);
  if ('cannot' in copy) return copy;
  const made = await sign(ctx, copy);
  if ('message' in made) await keepRecipes(ctx, changedIn(copy));
  return made;
}

/** The mail of one recipient, but for its signatures. */
interface Copy {
  readonly organisation: OrganisationFacts;
  readonly delivery: Claimed;
  readonly unsigned: Buffer;
  /** null: nothing was put in. */
  readonly recipe: Recipe | null;
}

function changedIn({ delivery, recipe }: Copy): Changed[] {
  return recipe ? [{ delivery, recipe }] : [];
}

async function copyOf(ctx: Context, mail: TakenMail, delivery: Claimed): Promise<Copy | Cannot> {
  const { organisation, list } = mail;
  const { consent } = delivery;
  try {
    if (list === null) {
      if (delivery.kind !== 'transactional') return { delivery, cannot: 'no-consent' };
      return { organisation, delivery, unsigned: (await mail.open()).raw, recipe: null };
    }
    if (delivery.kind !== 'gateway' || consent?.purposeId !== list.id || !consent.confirmedAt)
      return { delivery, cannot: 'no-consent' };
    const { prepared } = await mail.open();
    if (!prepared) return { delivery, cannot: 'unknown' };
    const { message, recipe } = inject(ctx, {
      ...{ list, prepared, delivery, consent, at: consent.confirmedAt },
      ownDomains: await domainsOf(ctx, organisation),
    });
    return { organisation, delivery, unsigned: message, recipe };
  } catch (error) {
    if (error instanceof Refusal) return { delivery, cannot: error.code };
    throw error;
  }
}

/** As it is, and on demand in ASCII: what a server on the way would have to change is changed before it is signed (F-17). */
async function sign(ctx: Context, { organisation, delivery, unsigned, recipe }: Copy): Promise<Made> {
  const message = await signCopy(ctx, organisation, unsigned);
  if (!message) return { cannot: 'domain' };
  const sevenBit = async (): Promise<Buffer[] | null> => {
    const inAscii = toSevenBit(unsigned);
    if (inAscii && recipe) await keepRecipes(ctx, [{ delivery, recipe: asSevenBit(recipe, inAscii) }]);
    return inAscii && signCopy(ctx, organisation, inAscii);
  };
  return { message, sevenBit };
}

interface Personal {
  readonly list: ListFacts;
  readonly prepared: PreparedMessage;
  readonly delivery: Claimed;
  readonly consent: ClaimedConsent;
  /** Of the consent. */
  readonly at: Date;
  readonly ownDomains: readonly string[];
}

function inject(
  ctx: Context,
  { list, prepared, delivery, consent, at, ownDomains }: Personal,
): ReturnType<typeof injectFooter> {
  const { organisation } = list;
  const links = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, organisation) };
  const language = footerLanguage(list, delivery.language);
  const footer = footerOf(ctx, list, language, whyOf(consent));
  const url = unsubscribeUrl(links, consent.unsubscribeRef);
  const personal: Footer = {
    ...footer,
    ...datedWhy(footer, footerDate(language, at, organisation.timeZone)),
    unsubscribeUrl: url,
    preferencesUrl: preferencesUrl(links, consent.preferencesRef),
  };
  const mailto = mailtoUrl(ctx.keyring, organisation, consent.mailtoRef);
  const { headers, without } = addressedTo(prepared.root.header.fields, delivery.address, ownDomains);
  return injectFooter(prepared, {
    footer: personal,
    headers: [...headers, ...unsubscribeFields(url, mailto), ...headersOf(ctx, list, language)],
    without,
    boundary: boundaryOf(delivery),
  });
}

/** What says that a mail is one of a list (M-07 to M-10); the same for all its recipients. */
export function headersOf(ctx: Pick<Context, 'publicUrl'>, list: ListFacts, language: string): HeaderField[] {
  const { organisation } = list;
  return listFields({
    listName: textOf(list, language).name,
    listId: `${list.slug}.${domainOf(organisation.fromAddress)}`,
    helpUrl: `${linkAddress(ctx, organisation)}/lists/${list.slug}`,
    feedbackId: ['gateway', list.slug, 'gateway', senderId(organisation)],
  });
}

/** The same at every try; 32 hex digits. */
function boundaryOf({ messageId, subscriberId }: Claimed): string {
  return createHash('sha256').update(`boundary\0${messageId}\0${subscriberId}`).digest('hex').slice(0, 32);
}

import type { Request, Response } from 'express';
import {
  catalogue,
  listById,
  textOf,
  wordingOf,
  type ListFacts,
  type OrganisationFacts,
} from '../consent/catalogue.js';
import type { ConsentOfPerson } from '../consent/find.js';
import { Refusal } from '../errors.js';
import { loadReceipt } from '../consent/receipt.js';
import { mintReceiptLinks, receiptEntries, type ReceiptEntry } from '../consent/receipt-links.js';
import { inLanguage, organisationBase, sendPage, type Site } from '../web/http.js';
import type { PreferencesAllPage } from '../web/pages.js';
import { aboutPart } from './about-view.js';
import { formToken } from './session.js';
import { listChoices, type Wrong } from './settings-view.js';

/** Whose settings are open. */
export interface Person {
  readonly secret: string;
  readonly subscriberId: string;
  /** The session ends then. */
  readonly until: Date;
  readonly organisation: OrganisationFacts;
  readonly language: string;
  readonly address: string;
  readonly consents: readonly ConsentOfPerson[];
}

/** The page of all lists. `saved`: what was just changed; `wrong`: at which list something is to be corrected. */
export async function showAll(
  site: Site,
  req: Request,
  res: Response,
  who: Person,
  saved: PreferencesAllPage['saved'],
  wrong: { listId: string; what?: Wrong } | null,
): Promise<void> {
  const { ctx } = site;
  const now = ctx.now();
  const known = await catalogue(ctx);
  const lists = [...known.lists, ...known.tracking].filter((list) => list.organisation.id === who.organisation.id);
  const joined = who.consents.filter((found) => found.consent.state === 'confirmed');
  const tracked = joined.some((found) => known.tracking.some(({ id }) => id === found.listId));
  const joinedIds = new Set(joined.map((found) => found.listId));
  const page: PreferencesAllPage = {
    ...organisationBase(site, req, who.language, who.organisation),
    languages: organisationBase(site, req, who.language, who.organisation).languages.map((link) => ({
      ...link,
      href: `/settings?lang=${link.code}`,
    })),
    address: who.address,
    nonce: formToken(ctx, who.secret),
    saved,
    joined: await Promise.all(
      joined.map(async (found) => {
        const facts = await listById(ctx, found.listId);
        const { language } = who;
        const of = { ref: `l${found.listId.slice(0, 8)}`, list: textOf(facts, language), facts, language };
        return {
          ...listChoices(
            {
              ...{ ...of, consent: found.consent, now, reduceOnly: false, tracked },
              hasMail: known.lists.some(({ id }) => id === found.listId),
            },
            wrong?.listId === found.listId ? (wrong.what ?? { day: '' }) : null,
          ),
          action: inLanguage(site, req, `/settings/${found.listId}`),
        };
      }),
    ),
    open: lists
      .filter((list) => !joinedIds.has(list.id))
      .map((list) => ({
        ref: `j${list.id.slice(0, 8)}`,
        list: textOf(list, who.language),
        wording: { id: wordingOf(list, who.language).id, text: wordingOf(list, who.language).label },
        action: inLanguage(site, req, `/settings/${list.id}`),
        wrong: wrong?.listId === list.id,
      })),
    about: await aboutPart(site, req, who),
    receipts: await receiptsOf(site, who, lists),
    stopAllAction: inLanguage(site, req, '/settings/stop'),
    signOutAction: inLanguage(site, req, '/settings/sign-out'),
    dataHref: null,
    addressHref: null,
    eraseHref: inLanguage(site, req, '/settings/erase'),
    until: who.until,
  };
  sendPage(site, res, 'preferences-all', page, wrong ? 422 : 200);
}

/** So many receipts are weighed for their size; a person with more chapters is none. */
const MOST_WEIGHED = 20;

async function receiptsOf(
  site: Site,
  who: Person,
  lists: readonly ListFacts[],
): Promise<PreferencesAllPage['receipts']> {
  const entries = await receiptEntries(
    site.ctx,
    who.consents.map(({ consent }) => consent.id),
  );
  const all = await Promise.all(
    entries.map(async (entry, place) => {
      const list = lists.find((one) => one.id === entry.listId);
      if (!list) return [];
      const { number, confirmedAt, byReply, withdrawnAt, signUpId } = entry;
      const bytes = place < MOST_WEIGHED ? await weigh(site, entry) : null;
      return [
        {
          ...{ number, confirmedAt, byReply, withdrawnAt, list: textOf(list, who.language) },
          ...mintReceiptLinks(site.ctx, list, signUpId),
          bytes,
        },
      ];
    }),
  );
  return all.flat();
}

async function weigh({ ctx }: Site, { signUpId }: ReceiptEntry): Promise<number | null> {
  try {
    return Buffer.byteLength((await loadReceipt(ctx, signUpId)).file);
  } catch (error) {
    // Erased in this moment.
    if (error instanceof Refusal && error.code === 'receipt-unknown') return null;
    throw error;
  }
}

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
import { isConfirmedByReply, mintReceiptLinks, receiptNumber } from '../consent/receipt-links.js';
import { inLanguage, organisationBase, sendPage, type Site } from '../web/http.js';
import type { PreferencesAllPage } from '../web/pages.js';
import { formToken } from './session.js';
import { listChoices } from './settings-view.js';

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
  wrong: { listId: string; day?: string } | null,
): Promise<void> {
  const { ctx } = site;
  const now = ctx.now();
  const lists = (await catalogue(ctx)).lists.filter((list) => list.organisation.id === who.organisation.id);
  const joined = who.consents.filter((found) => found.consent.state === 'confirmed');
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
      joined.map(async (found) => ({
        ...listChoices(
          {
            ref: `l${found.listId.slice(0, 8)}`,
            list: textOf(await listById(ctx, found.listId), who.language),
            consent: found.consent,
            now,
            reduceOnly: false,
          },
          wrong?.listId === found.listId ? (wrong.day ?? '') : null,
        ),
        action: inLanguage(site, req, `/settings/${found.listId}`),
      })),
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
    receipts: await receiptsOf(site, who, lists),
    stopAllAction: inLanguage(site, req, '/settings/stop'),
    signOutAction: inLanguage(site, req, '/settings/sign-out'),
    dataHref: null,
    addressHref: null,
    eraseHref: null,
    until: who.until,
  };
  sendPage(site, res, 'preferences-all', page, wrong ? 422 : 200);
}

async function receiptsOf(
  site: Site,
  who: Person,
  lists: readonly ListFacts[],
): Promise<PreferencesAllPage['receipts']> {
  const all = await Promise.all(
    who.consents.map(async ({ consent, listId }) => {
      const list = lists.find((one) => one.id === listId);
      const number = await receiptNumber(site.ctx, consent.signUpId);
      if (!list || number === null || !consent.confirmedAt) return [];
      return [
        {
          number,
          list: textOf(list, who.language),
          confirmedAt: consent.confirmedAt,
          byReply: await isConfirmedByReply(site.ctx, consent.signUpId),
          ...mintReceiptLinks(site.ctx, list, consent.signUpId),
        },
      ];
    }),
  );
  return all.flat();
}

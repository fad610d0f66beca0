import type { Request, Response } from 'express';
import { listById, textOf } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { erase, remainsOf, type Remains } from '../rights/erase.js';
import { fieldsOf, inLanguage, organisationBase, sendPage, type Site } from '../web/http.js';
import type { KeptPart } from '../web/pages.js';
import { clearCookie } from './cookies.js';
import { formToken } from './session.js';
import type { Person } from './settings-page-view.js';

/** "Delete everything": what goes, what stays and until when, and the button (Art. 12(4), 17). */
export async function askToErase(site: Site, req: Request, res: Response, who: Person): Promise<void> {
  const { ctx } = site;
  sendPage(site, res, 'erase', {
    ...organisationBase(site, req, who.language, who.organisation),
    ...(await keptPart(site, who, await remainsOf(ctx.db, who.subscriberId, ctx.now()))),
    address: who.address,
    action: inLanguage(site, req, '/settings/erase'),
    nonce: formToken(ctx, who.secret),
    backHref: inLanguage(site, req, '/settings'),
  });
}

/** The button was pressed. The session ends with the person. */
export async function eraseNow(site: Site, req: Request, res: Response, who: Person): Promise<void> {
  const { ctx } = site;
  if (fieldsOf(req)['nonce'] !== formToken(ctx, who.secret)) throw new Refusal('not-allowed', 'This form is not ours.');
  const done = await erase(ctx, { subscriberId: who.subscriberId, cause: 'person' });
  clearCookie(ctx, res, 'settings');
  sendPage(site, res, 'erased', {
    ...organisationBase(site, req, who.language, who.organisation),
    languages: [],
    ...(await keptPart(site, who, done ?? { proofs: [], isSuppressed: false })),
    since: done?.erasedAt ?? ctx.now(),
  });
}

async function keptPart(site: Site, who: Person, { proofs, isSuppressed }: Remains): Promise<KeptPart> {
  const lists = proofs.map(async ({ listId, until }) => ({
    list: textOf(await listById(site.ctx, listId), who.language),
    until,
  }));
  return { proofs: await Promise.all(lists), suppressed: isSuppressed };
}

import { Router, type Request, type Response } from 'express';
import { catalogue, linkAddress, listById, textOf, trackingIn, type ListFacts } from '../consent/catalogue.js';
import { consentByRef, type ConsentOfPerson } from '../consent/find.js';
import { renew, withdraw } from '../consent/withdraw.js';
import { Refusal } from '../errors.js';
import { linkLimit } from '../web/limits.js';
import { openLink } from '../links/token.js';
import { MAGIC_MINUTES, preferencesUrl } from '../links/urls.js';
import { parseAddress } from '../mail/address.js';
import {
  fieldsOf,
  handle,
  inLanguage,
  languageOf,
  masked,
  onlyMethods,
  organisationBase,
  param,
  readForm,
  sendPage,
  type Site,
} from '../web/http.js';
import type { SettingState, Undo } from '../web/pages.js';
import { stopEverything } from './leave-routes.js';
import { askForMagicLink } from './magic.js';
import { choose, setSettings, type Settings } from './preferences.js';
import { stopTracking } from './stop-tracking.js';
import { listChoices, readChoices, settingState, type Wrong } from './settings-view.js';
import { topicsInWords } from './topics-view.js';
import { openUndo, undoLeaving, undoSettings } from './undo.js';

/** The preference page that every mail links to: one list, and only less (promise 10). */
export function preferenceRoutes(site: Site): Router {
  const limit = linkLimit(site.ctx);
  const routes = Router();
  routes
    .route('/p/:token')
    .get(handle(async (req, res) => show(site, req, res, await find(site, req))))
    .post(
      readForm,
      handle(async (req, res) => save(site, req, res, await find(site, req))),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/p/:token/undo')
    .post(
      readForm,
      handle(async (req, res) => undo(site, req, res, await find(site, req))),
    )
    .all(onlyMethods('POST'));
  routes
    .route('/p/:token/stop')
    .post(
      readForm,
      handle(async (req, res) => {
        const { person, list } = await find(site, req);
        return stopEverything(site, req, res, person, list);
      }),
    )
    .all(onlyMethods('POST'));
  routes
    .route('/p/:token/link')
    .post(
      limit,
      readForm,
      handle(async (req, res) => mailLink(site, req, res, await find(site, req))),
    )
    .all(onlyMethods('POST'));
  return routes;
}

interface Found {
  person: ConsentOfPerson;
  list: ListFacts;
}

async function show(
  site: Site,
  req: Request,
  res: Response,
  { person, list }: Found,
  wrong: Wrong | null = null,
): Promise<void> {
  const language = languageOf(site, req, person.language);
  const token = param(req, 'token');
  const text = textOf(list, language);
  const consent = person.consent;
  // The same for everybody, whether they agreed or not: mail is forwarded (promise 10).
  const tracked = trackingIn(await catalogue(site.ctx), list.organisation.id) !== null;
  sendPage(
    site,
    res,
    'preferences',
    {
      ...organisationBase(site, req, language, list.organisation),
      masked: masked(person.address),
      list: text,
      choices:
        consent.state === 'confirmed'
          ? listChoices(
              {
                ...{ ref: 'list', list: text, facts: list, language, consent, now: site.ctx.now() },
                ...{ reduceOnly: true, tracked, hasMail: list.kind === null },
              },
              wrong,
            )
          : null,
      action: inLanguage(site, req, `/p/${token}`),
      stopAllAction: inLanguage(site, req, `/p/${token}/stop`),
      magicAction: inLanguage(site, req, `/p/${token}/link`),
    },
    wrong === null ? 200 : 422,
  );
}

async function save(site: Site, req: Request, res: Response, found: Found): Promise<void> {
  const { ctx } = site;
  const { person } = found;
  const fields = fieldsOf(req);
  // What would bring more mail needs a link that went to the mailbox (L-08).
  const choices = readChoices(fields, {
    ...{ facts: found.list, consent: person.consent, now: ctx.now(), reduceOnly: true },
  });
  const undoAction = inLanguage(site, req, `/p/${param(req, 'token')}/undo`);
  if (choices === 'wrong-day' || choices === 'no-topic') {
    return show(site, req, res, found, choices === 'no-topic' ? choices : { day: fields['until'] ?? '' });
  }
  if (fields['stop-tracking'] === 'yes') await stopTracking(ctx, person.subscriberId);
  if (choices === 'leave') {
    const left = await withdraw(ctx, person.consent.id, 'settings');
    const undone = left?.eventId ? undoLeaving(ctx, undoAction, person.consent.id, left.eventId) : null;
    saved(site, req, res, found, { kind: 'left' }, undone);
    return;
  }
  const before = choices.length > 0 ? await choose(ctx, person.consent.id, choices) : null;
  const after = await find(site, req);
  saved(
    site,
    req,
    res,
    after,
    settingState(after.person.consent, ctx.now()),
    before && undoSettings(ctx, undoAction, person.consent.id, { before, after: after.person.consent }),
  );
}

async function undo(site: Site, req: Request, res: Response, found: Found): Promise<void> {
  const { ctx } = site;
  const id = found.person.consent.id;
  const wanted = openUndo(ctx, fieldsOf(req)['undo'] ?? '', found.person.consent);
  const done =
    wanted && (await ('leftBy' in wanted ? takeBack(site, id, wanted.leftBy) : setSettings(ctx, id, wanted.settings)));
  if (!done) throw new Refusal('ticket-invalid', 'This can no longer be taken back here.');
  const after = await find(site, req);
  saved(site, req, res, after, settingState(after.person.consent, ctx.now()), null);
}

async function takeBack(site: Site, consentId: string, leftBy: string): Promise<Settings | null> {
  const renewed = await renew(site.ctx, consentId, leftBy);
  return renewed?.eventId ? renewed.found.consent : null;
}

function saved(
  site: Site,
  req: Request,
  res: Response,
  { person, list }: Found,
  state: SettingState,
  undone: Undo | null,
): void {
  const language = languageOf(site, req, person.language);
  const base = organisationBase(site, req, language, list.organisation);
  const settingsHref = preferencesUrl(
    { keyring: site.ctx.keyring, publicUrl: linkAddress(site.ctx, list.organisation) },
    person.consent.preferencesRef,
  );
  sendPage(site, res, 'preferences-saved', {
    ...base,
    languages: [],
    list: textOf(list, language),
    state,
    topics: state.kind === 'left' ? '' : topicsInWords(list, person.consent.topics, language),
    trackingStopped: fieldsOf(req)['stop-tracking'] === 'yes',
    undo: undone,
    settingsHref,
  });
}

async function mailLink(site: Site, req: Request, res: Response, { person, list }: Found): Promise<void> {
  const language = languageOf(site, req, person.language);
  if (person.address !== null) {
    await askForMagicLink(site.ctx, {
      organisation: list.organisation,
      normal: parseAddress(person.address).normal,
      language,
    });
  }
  sendPage(site, res, 'magic-sent', {
    ...organisationBase(site, req, language, list.organisation),
    languages: [],
    address: null,
    fromAddress: list.organisation.fromAddress,
    minutes: MAGIC_MINUTES,
    correctHref: null,
    mailboxHref: site.hasMailbox ? `/mailbox?lang=${language}` : null,
  });
  return Promise.resolve();
}

async function find(site: Site, req: Request): Promise<Found> {
  const link = openLink(site.ctx.keyring, site.ctx.audiences, 'p', param(req, 'token'), site.ctx.now());
  const person = await consentByRef(site.ctx, 'preferences_ref', link.ref);
  if (!person) throw new Refusal('link-expired', 'No mail of this list is sent to this address.');
  return { person, list: await listById(site.ctx, person.listId) };
}

import { Router } from 'express';
import { catalogue, textOf, type ListFacts, type Wording } from '../consent/catalogue.js';
import { enterSignUp } from '../consent/enter.js';
import { readSaidAt, type SaidAt } from '../consent/said-at.js';
import { MAX_SCAN_BYTES, readScan, type Scan } from '../consent/scan.js';
import { Refusal } from '../errors.js';
import { tryAddress } from '../mail/address.js';
import { languageNames } from '../web/i18n.js';
import { fieldsOf, onlyMethods, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import type { EnterField, EnterScreen } from './people-views.js';
import { makePersonRef } from './person-ref.js';
import { fileForm } from './screens-file.js';
import { changed, onlyMarketers, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Sign-ups that came by phone or on paper. */
export function enterRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/admin/people/new')
    .get(
      onlyStaff(site),
      visited(
        site,
        'people',
        onlyMarketers(async (visit) => show(site, visit, [])),
      ),
    )
    .post(
      sameOrigin(site),
      onlyStaff(site),
      form.read,
      changed(site, 'people', async (visit) => enter(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

const form = fileForm('scan', MAX_SCAN_BYTES, 16_384);
const MAX_NOTE = 2000;
/** It is today already further east. */
const AHEAD_MS = 14 * 3_600_000;

type Mistake = EnterScreen['errors'][number];

/** Each list in each of its languages, with the newest text that people agree to. */
async function choices(site: Site): Promise<{ list: ListFacts; wording: Wording }[]> {
  const { lists } = await catalogue(site.ctx);
  return lists
    .filter((list) => list.organisation.isOurs)
    .flatMap((list) =>
      Object.keys(list.texts).flatMap((language) => {
        const wording = list.wordings.find((one) => one.language === language);
        return wording ? [{ list, wording }] : [];
      }),
    );
}

async function enter(site: Site, visit: Visit): Promise<void> {
  const { req, res, staff } = visit;
  const fields = fieldsOf(req);
  const mistakes: Mistake[] = [];
  const wrong = (field: EnterField, what: string): null => {
    mistakes.push({ field, what });
    return null;
  };
  const address = tryAddress(fields['email'] ?? '') ?? wrong('email', 'email');
  const choice =
    (await choices(site)).find(({ wording }) => wording.id === fields['wording']) ?? wrong('wording', 'wording');
  const how = fields['how'] === 'phone' || fields['how'] === 'paper' ? fields['how'] : wrong('how', 'how');
  const zone = choice?.list.organisation.timeZone ?? visit.screen.zone;
  const said = readMoment(fields, how, zone, site.ctx.now(), wrong);
  const note = (fields['note'] ?? '').trim();
  const scan = readFile(visit, wrong);
  if (note.length > MAX_NOTE) wrong('note', 'note-long');
  if (note === '' && !req.file?.size && !form.isTooLarge(req)) wrong('note', 'evidence');
  if (mistakes.length > 0 || !address || !choice || !how || !said) return show(site, visit, mistakes);
  await enterSignUp(site.ctx, { ...choice, address, how, said, note, scan, by: `staff:${staff.id}` });
  const person = { organisationId: choice.list.organisation.id, subscriberId: null, address: address.given };
  res.redirect(303, `/admin/people/${makePersonRef(site.ctx, staff.id, person)}?noted`);
}

function readMoment(
  fields: Record<string, string>,
  how: string | null,
  zone: string,
  now: Date,
  wrong: (field: EnterField, what: string) => null,
): SaidAt | null {
  const [day = '', time = ''] = [fields['day'], fields['time']];
  if (how === 'phone' && time === '') return wrong('time', 'time');
  return orNull(() => readSaidAt(time === '' ? day : `${day} ${time}`, zone, now)) ?? wrong('day', 'day');
}

function readFile({ req }: Visit, wrong: (field: EnterField, what: string) => null): Scan | null {
  if (form.isTooLarge(req)) return wrong('scan', 'scan-large');
  const { file } = req;
  return file?.size ? (orNull(() => readScan(file.buffer)) ?? wrong('scan', 'scan-type')) : null;
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** As they stand on the page. */
const FIELDS: readonly EnterField[] = ['email', 'how', 'day', 'time', 'wording', 'note', 'scan'];
const NOTHING_WRONG: EnterScreen['wrong'] = { email: '', wording: '', how: '', day: '', time: '', note: '', scan: '' };

async function show(site: Site, { req, res, screen }: Visit, errors: readonly Mistake[]): Promise<void> {
  const fields = fieldsOf(req);
  const all = await choices(site);
  const page: EnterScreen = {
    ...screen,
    wordings: all.map(({ list, wording }) => ({
      ...{ id: wording.id, list: textOf(list, screen.language).name, text: wording.label, code: wording.language },
      language: languageNames([wording.language])[0]?.name ?? wording.language,
      isChosen: wording.id === fields['wording'] || all.length === 1,
    })),
    email: (fields['email'] ?? '').slice(0, 320),
    how: { phone: fields['how'] === 'phone', paper: fields['how'] === 'paper' },
    ...{ day: fields['day'] ?? '', time: fields['time'] ?? '', note: (fields['note'] ?? '').slice(0, 4000) },
    lastDay: new Date(site.ctx.now().getTime() + AHEAD_MS).toISOString().slice(0, 10),
    errors: [...errors].sort((a, b) => FIELDS.indexOf(a.field) - FIELDS.indexOf(b.field)),
    wrong: { ...NOTHING_WRONG, ...Object.fromEntries(errors.map(({ field, what }) => [field, what])) },
  };
  sendPage(site, res, 'admin/enter', page, errors.length > 0 ? 422 : 200);
}

import { Router, type Response } from 'express';
import { sendReceiptFile, sendReceiptPage } from '../consent/receipt-routes.js';
import { loadReceipt, type Receipt } from '../consent/receipt.js';
import { parseScan } from '../consent/scan.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, param, readForm, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { looksAt, noteLook } from './access-log.js';
import { makePersonRef, openPersonRef, type PersonRef } from './person-ref.js';
import { correctAttribute } from './correct.js';
import { loadPerson, type Person } from './person.js';
import { labelOf, showPerson, type Correcting, type Showing } from './person-view.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';
import { maskedFields, unmask, type MaskedField } from './unmask.js';

/** One person: the page that answers "can you prove it?", the receipts, and single fields for whoever says why. */
export function personRoutes(site: Site): Router {
  const routes = Router();
  const get = (path: string, answer: (visit: Visit) => Promise<void>): void => {
    routes
      .route(path)
      .get(onlyStaff(site), visited(site, 'people', answer))
      .all(onlyMethods('GET', 'HEAD'));
  };
  get('/admin/people/:ref', async (visit) => look(site, visit));
  get('/admin/people/:ref/receipts/:chapter', async (visit) => downloadReceipt(site, visit));
  get('/admin/people/:ref/r/:chapter', async (visit) => readReceipt(site, visit));
  routes
    .route('/admin/people/:ref/unmask')
    .post(
      sameOrigin(site),
      onlyStaff(site),
      readForm,
      changed(site, 'people', async (visit) => unmaskOne(site, visit)),
    )
    .all(onlyMethods('POST'));
  routes
    .route('/admin/people/:ref/correct')
    .post(
      sameOrigin(site),
      onlyStaff(site),
      readForm,
      changed(site, 'people', async (visit) => correctOne(site, visit)),
    )
    .all(onlyMethods('POST'));
  return routes;
}

interface Opened {
  readonly ref: PersonRef;
  readonly person: Person;
}

async function open(site: Site, { req, staff }: Visit): Promise<Opened> {
  const ref = openPersonRef(site.ctx, staff.id, param(req, 'ref'));
  return { ref, person: await loadPerson(site.ctx, ref) };
}

async function look(site: Site, visit: Visit): Promise<void> {
  const { ref, person } = await open(site, visit);
  const subscriberId = person.subscriber?.id ?? null;
  // Before this one is written down: it would count itself.
  const looks = subscriberId ? await looksAt(site.ctx, subscriberId) : null;
  if (subscriberId) await noted(site, visit, subscriberId, 'view');
  await showPerson(site, visit, {
    ...LOOKING,
    ref,
    person,
    looks,
    noted: visit.req.query['noted'] !== undefined,
    isCorrected: visit.req.query['corrected'] !== undefined,
  });
}

// Whoever asks by HEAD sees nothing of it.
async function noted(site: Site, visit: Visit, subscriberId: string, what: 'view' | 'receipt'): Promise<void> {
  if (visit.req.method !== 'HEAD') await noteLook(site.ctx, { staffId: visit.staff.id, subscriberId, what });
}

const LOOKING = { noted: false, asked: { field: '', reason: '' }, wrong: null, shown: null } as const;

/** Whoever sees the address may read the receipt, which names it. */
async function receiptFor(site: Site, visit: Visit): Promise<Receipt> {
  const { ref, person } = await open(site, visit);
  const chapter = param(visit.req, 'chapter');
  const isTheirs = person.lists.some(({ chapters }) => chapters.some(({ id }) => id === chapter));
  if (!isTheirs || !person.subscriber || ref.address === null)
    throw new Refusal('receipt-unknown', 'There is no such receipt.');
  const receipt = await loadReceipt(site.ctx, chapter);
  await noted(site, visit, person.subscriber.id, 'receipt');
  return receipt;
}

async function readReceipt(site: Site, visit: Visit): Promise<void> {
  const { req, res, screen } = visit;
  const receipt = await receiptFor(site, visit);
  const href = `/admin/people/${param(req, 'ref')}/receipts/${param(req, 'chapter')}`;
  sendReceiptPage(site, req, res, {
    receipt: screen.staff?.isMarketer ? receipt : withoutConnection(receipt),
    language: screen.language,
    downloadHref: screen.staff?.isMarketer ? href : null,
  });
}

// A viewer gets to see nobody's connection.
function withoutConnection(receipt: Receipt): Receipt {
  const events = receipt.events.map(({ fields, ...event }) => {
    const shown = Object.entries(fields).filter(([name]) => name !== 'ip' && name !== 'user_agent');
    return { ...event, fields: Object.fromEntries(shown) };
  });
  return { ...receipt, events };
}

// The file holds the connection of whoever confirmed, which a viewer does not get to see.
async function downloadReceipt(site: Site, visit: Visit): Promise<void> {
  if (!visit.screen.staff?.isMarketer) throw new Refusal('not-allowed', 'Your login may read receipts, not take them.');
  sendReceiptFile(site, visit.req, visit.res, await receiptFor(site, visit));
}

const REASON = { least: 5, most: 500 };

async function unmaskOne(site: Site, visit: Visit): Promise<void> {
  const { ctx } = site;
  const { ref, person } = await open(site, visit);
  const { field: key = '', reason = '' } = fieldsOf(visit.req);
  const field = maskedFields(person, ref.address === null).find((one) => one.key === key);
  const looks = person.subscriber ? await looksAt(ctx, person.subscriber.id) : null;
  const again = async (wrong: Showing['wrong'], status: number): Promise<void> =>
    showPerson(site, visit, { ...LOOKING, ref, person, looks, asked: { field: key, reason }, wrong }, status);
  if (!field) return again('field', 422);
  if (reason.trim().length < REASON.least || reason.length > REASON.most) return again('reason', 422);
  try {
    const value = await unmask(ctx, { staffId: visit.staff.id, person, field, reason: reason.trim() });
    await give(site, visit, { ref, person, looks }, field, value);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'too-many') throw error;
    await again('limit', 429);
  }
}

async function correctOne(site: Site, visit: Visit): Promise<void> {
  const { ref, person } = await open(site, visit);
  const { name = '', value = '', reason = '' } = fieldsOf(visit.req);
  const again = async (wrong: Correcting['wrong']): Promise<void> => {
    const looks = person.subscriber ? await looksAt(site.ctx, person.subscriber.id) : null;
    const correcting = { name, value, reason, wrong };
    await showPerson(site, visit, { ...LOOKING, ref, person, looks, correcting }, 422);
  };
  if (reason.trim().length < REASON.least || reason.length > REASON.most) return again('reason');
  try {
    await correctAttribute(site.ctx, { staffId: visit.staff.id, person, name, value, reason: reason.trim() });
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'body-invalid') throw error;
    return again('value');
  }
  visit.res.redirect(303, `/admin/people/${param(visit.req, 'ref')}?corrected#known`);
}

/** An address leads to the page that shows it, a file is a file, all else stands on the page. */
async function give(
  site: Site,
  visit: Visit,
  looked: Pick<Showing, 'ref' | 'person' | 'looks'>,
  field: MaskedField,
  value: string,
): Promise<void> {
  const { res, staff } = visit;
  if (field.name === 'address') {
    const whole = makePersonRef(site.ctx, staff.id, { ...looked.ref, address: value });
    res.redirect(303, `/admin/people/${whole}`);
  } else if (field.name === 'scan') {
    const { type, bytes } = parseScan(value);
    sendFile(res, `scan.${type === 'application/pdf' ? 'pdf' : type === 'image/png' ? 'png' : 'jpg'}`, type, bytes);
  } else if (field.name === 'mail' || field.name === 'reply')
    sendFile(res, `${field.name}.eml`, 'message/rfc822', Buffer.from(value, 'latin1'));
  else
    await showPerson(site, visit, {
      ...LOOKING,
      ...looked,
      shown: { name: field.name, label: labelOf(looked.person, field.attribute ?? '', visit.screen.language), value },
    });
}

// As a download, never in the page: what somebody scanned is not ours to run.
function sendFile(res: Response, name: string, type: string, bytes: Buffer): void {
  res.setHeader('Content-Disposition', `attachment; filename="${name}"`);
  res.setHeader('Content-Type', type);
  res.end(bytes);
}

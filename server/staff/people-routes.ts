import { Router } from 'express';
import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { blindIndex } from '../keys/blind-index.js';
import { parseAddress } from '../mail/address.js';
import { fieldsOf, onlyMethods, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { noteLook } from './access-log.js';
import { findInMail, MAX_MAIL_BYTES } from './find-in-mail.js';
import { maskedOf } from './masked.js';
import type { PeopleScreen } from './people-views.js';
import { makePersonRef } from './person-ref.js';
import { fileForm } from './screens-file.js';
import { asked, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Finding a person: by the whole address, or by a mail that somebody forwarded. */
export function peopleRoutes(site: Site): Router {
  const routes = Router();
  const post = [sameOrigin(site), onlyStaff(site)];
  routes
    .route('/admin/people')
    .get(
      onlyStaff(site),
      visited(site, 'people', async (visit) => show(site, visit, {})),
    )
    .post(
      post,
      readForm,
      asked(site, 'people', async (visit) => findByAddress(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/admin/people/mail')
    .post(
      post,
      form.read,
      asked(site, 'people', async (visit) => findByMail(site, visit)),
    )
    .all(onlyMethods('POST'));
  return routes;
}

/** A mail as a file, or pasted. */
const form = fileForm('file', MAX_MAIL_BYTES, MAX_MAIL_BYTES);

type Outcome = Partial<Pick<PeopleScreen, 'email' | 'wrong' | 'mail' | 'several'>>;

async function show(site: Site, { req, res, screen }: Visit, outcome: Outcome): Promise<void> {
  const { organisations } = await catalogue(site.ctx);
  const chosen = fieldsOf(req)['organisation'];
  const page: PeopleScreen = {
    ...screen,
    organisations:
      organisations.length > 1 ? organisations.map(({ id, name }) => ({ id, name, isChosen: id === chosen })) : [],
    ...{ email: '', wrong: null, mail: null, several: [] },
    ...outcome,
  };
  sendPage(site, res, 'admin/people', page, outcome.wrong ? 422 : 200);
}

// The address comes in a form and leaves sealed: it gets into no URL, and so into no history and no log.
async function findByAddress(site: Site, visit: Visit): Promise<void> {
  const { ctx } = site;
  const { email = '', organisation } = fieldsOf(visit.req);
  const { organisations } = await catalogue(ctx);
  const at = organisations.find(({ id }) => id === organisation) ?? organisations[0];
  try {
    const { normal, given } = parseAddress(email);
    if (!at) throw new Refusal('not-found', 'There is no organisation yet.');
    const subscriberId = await subscriberAt(ctx, at.id, normal);
    await noteLook(ctx, { staffId: visit.staff.id, subscriberId, what: 'search' });
    open(site, visit, { organisationId: at.id, subscriberId, address: given });
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'address-invalid') throw error;
    await show(site, visit, { email: email.slice(0, 320), wrong: 'address' });
  }
}

async function subscriberAt(ctx: Context, organisationId: string, normal: string): Promise<string | null> {
  const [row] = await ctx.db.query<{ id: string }>(
    'select id from subscriber where organisation_id = $1 and blind_index = $2',
    [organisationId, blindIndex(ctx.keyring, organisationId, normal)],
  );
  return row?.id ?? null;
}

async function findByMail(site: Site, visit: Visit): Promise<void> {
  const { req, staff } = visit;
  if (form.isTooLarge(req)) return show(site, visit, { wrong: 'too-large' });
  const mail = req.file?.size ? req.file.buffer : Buffer.from(fieldsOf(req)['mail'] ?? '');
  if (mail.length === 0) return show(site, visit, { wrong: 'no-mail' });
  if (mail.length > MAX_MAIL_BYTES) return show(site, visit, { wrong: 'too-large' });
  const { people, isOurs } = await findInMail(site.ctx, mail);
  for (const { subscriberId } of people.length > 0 ? people : [{ subscriberId: null }])
    await noteLook(site.ctx, { staffId: staff.id, subscriberId, what: 'search' });
  const [first] = people;
  if (!first) return show(site, visit, { mail: isOurs ? 'nobody' : 'foreign' });
  if (people.length === 1) {
    open(site, visit, { ...first, address: null });
    return;
  }
  const several = people.map(async (person) => ({
    masked: await maskedOf(site.ctx, person.subscriberId),
    href: `/admin/people/${makePersonRef(site.ctx, staff.id, { ...person, address: null })}`,
  }));
  return show(site, visit, { mail: 'several', several: await Promise.all(several) });
}

function open(site: Site, { res, staff }: Visit, person: Parameters<typeof makePersonRef>[2]): void {
  res.redirect(303, `/admin/people/${makePersonRef(site.ctx, staff.id, person)}`);
}

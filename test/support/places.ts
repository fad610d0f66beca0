import { connect } from 'node:net';
import ts from 'typescript';
import { addCredential } from '../../server/gateway/add-credential.js';
import { loadCampaign } from '../../server/staff/campaign.js';
import { addStaff } from '../../server/staff/add-staff.js';
import { logIn } from '../../server/staff/auth.js';
import { makePersonRef } from '../../server/staff/person-ref.js';
import { OPENED } from '../../server/campaigns/counted-links.js';
import { webVersionOf } from '../../server/campaigns/prepare.js';
import { changeDraft } from '../../server/campaigns/draft.js';
import { hostPictures } from '../../server/campaigns/host-pictures.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { saveSegment } from '../../server/campaigns/segments.js';
import { keepTemplate } from '../../server/campaigns/templates.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { listBySlug } from '../../server/consent/catalogue.js';
import type { Context } from '../../server/context.js';
import { makeClickToken } from '../../server/links/click-token.js';
import { addDomain } from '../../server/delivery/change-domains.js';
import type { TestService } from './service.js';
import { nodesOf, readSources } from './source.js';
import { campaignMailTo, one } from './state.js';
import { join, linkIn, signUp } from './story.js';
import { formOf, get, linksOf, post } from './web.js';
import { makeZip } from './zip.js';

/** A route of the app, filled in with what it needs: true tokens, ids of rows that are there. */
export interface Place {
  readonly path: string;
  readonly gets: boolean;
  /** What it does with a body: reads a form, reads an upload, takes whatever comes (M-22); null where nothing is posted. */
  readonly reads: 'form' | 'upload' | 'anything' | null;
}

/** Every route of the app by its pattern, and what a visitor needs who may go everywhere. */
export interface Places {
  readonly all: Readonly<Record<string, Place>>;
  /** Cookies of staff and of an open settings page. */
  readonly cookie: string;
  /** What no log may ever hold. */
  readonly secrets: readonly string[];
}

/** Ada is on the list, Boris has not confirmed, an owner is logged in, a campaign is a draft. */
export async function openPlaces(service: TestService): Promise<Places> {
  const { ctx, base } = service;
  const confirmed = await join(service, 'ada@gmail.com');
  const campaign = await campaignMailTo(service, 'ada@gmail.com');
  await signUp(service, 'boris@gmail.com');
  const asked = await service.mailTo('boris@gmail.com');
  const [first, second] = [await magicLink(service, 3), await magicLink(service, 4)];
  const { password } = await addStaff(ctx, { email: 'owner@gmail.com', role: 'owner' });
  const staff = await logIn(ctx, { email: 'owner@gmail.com', password });
  const magic = formOf(await get(first), 'open');
  const settings = (await post(magic.action, magic.fields)).headers.get('set-cookie')?.split(';')[0] ?? '';
  const source = Buffer.from('<html><head><title>June</title></head><body><p>Hello</p></body></html>');
  const draft = await createCampaign(ctx, { list: 'news', fileName: 'june.html', source });
  const scheduled = `/admin/campaigns/${await scheduledCampaign(ctx, source)}`;
  const kept = `/admin/templates/${await keepTemplate(ctx, {
    organisationId: await one<string>(ctx, 'select id from organisation'),
    madeBy: await one<string>(ctx, 'select id from staff'),
    ...{ name: 'June', fileName: 'june.html', source: source.toString() },
  })}`;
  const { organisation, id: listId } = await listBySlug(ctx, 'news');
  const { id: segment } = await saveSegment(ctx, { listId, name: 'English', filter: { languages: ['en'] } });
  await addDomain(ctx, organisation, 'other.bookshop.example');
  const receipt = linksOf(confirmed, '/receipts/')[0] ?? '';
  const path = (url: string): string => new URL(url).pathname;
  const [c, n] = [path(linkIn(asked, 'c')), path(linkIn(asked, 'n'))];
  const [u, p] = [path(linkIn(campaign, 'u')), path(linkIn(campaign, 'p'))];
  const click = { campaignId: draft, link: OPENED, consentId: null };
  const opened = makeClickToken(ctx.keyring, new URL(base).host, click);
  const mail = `/mailbox/${campaign.id}`;
  const admin = `/admin/campaigns/${draft}`;
  const ada = `/admin/people/${await personRef(ctx, 'ada@gmail.com')}`;
  const shop = await addCredential(ctx, { lists: ['news'], by: { who: 'operator', isOwner: true } });
  const credential = `/admin/gateway/credentials/${shop.userName}`;
  const chapter = await one<string>(ctx, `select sign_up_id from consent where state = 'confirmed'`);
  const tokens = [c, n, u, p, path(second), path(receipt)].map((one) => one.split('/')[2] ?? '');
  return {
    cookie: `zgoda_staff=${staff}; ${settings}`,
    secrets: ['ada@', 'boris@', 'owner@', password, shop.password, staff, settings.split('=')[1] ?? '', ...tokens],
    all: {
      ...pages([
        '/',
        '/healthz',
        '/readyz',
        '/metrics',
        '/favicon.ico',
        '/log',
        '/log/checkpoint',
        '/log/vkey',
        '/log/vkeys',
        '/settings',
      ]),
      ...pages([
        '/mailbox',
        '/mailbox.json',
        '/admin',
        '/admin/sending',
        '/admin/templates',
        '/admin/segments',
        '/admin/gateway',
        '/admin/gateway/credentials',
      ]),
      '/lists/:slug': { path: '/lists/news', gets: true, reads: 'form' },
      '/forms/:id': { path: '/forms/demo', gets: false, reads: 'form' },
      '/forms/:id/embed': page('/forms/demo/embed'),
      '/c/:token': { path: c, gets: true, reads: 'form' },
      '/n/:token': { path: n, gets: true, reads: 'form' },
      '/u/:token': { path: u, gets: true, reads: 'anything' },
      '/u/:token/undo': { path: `${u}/undo`, gets: false, reads: 'form' },
      '/u/:token/stop': { path: `${u}/stop`, gets: false, reads: 'form' },
      '/p/:token': { path: p, gets: true, reads: 'form' },
      '/p/:token/undo': { path: `${p}/undo`, gets: false, reads: 'form' },
      '/p/:token/stop': { path: `${p}/stop`, gets: false, reads: 'form' },
      '/p/:token/link': { path: `${p}/link`, gets: false, reads: 'form' },
      '/preferences': { path: '/preferences', gets: true, reads: 'form' },
      '/m/:token': { path: path(second), gets: true, reads: 'form' },
      '/settings/erase': { path: '/settings/erase', gets: true, reads: 'form' },
      '/settings/:what': { path: '/settings/stop', gets: false, reads: 'form' },
      '/privacy/:organisation': page(path(linksOf(confirmed, '/privacy/')[0] ?? base)),
      // The picture of an opened mail, of nobody.
      '/k/:token': page(`/k/${opened}`),
      '/receipts/:token': page(path(receipt)),
      '/r/:token': page(path(receipt).replace('/receipts/', '/r/')),
      // Of a log that was never continued under another name there is none.
      '/log/config/:hash': page(`/log/config/${'a'.repeat(64)}`),
      '/log/tile/*path': page('/log/tile/entries/000.p/1'),
      '/mailbox/clear': { path: '/mailbox/clear', gets: false, reads: 'anything' },
      '/mailbox/:id.eml': page(`${mail}.eml`),
      '/mailbox/:id/html': page(`${mail}/html`),
      '/mailbox/:id': page(mail),
      '/admin/login': { path: '/admin/login', gets: true, reads: 'form' },
      '/admin/logout': { path: '/admin/logout', gets: false, reads: 'anything' },
      '/admin/first-run/:secret': { path: `/admin/first-run/${'a'.repeat(43)}`, gets: true, reads: 'form' },
      '/admin/upload': { path: '/admin/upload', gets: true, reads: 'upload' },
      '/admin/preview': { path: '/admin/preview', gets: true, reads: 'upload' },
      '/admin/sending/add': { path: '/admin/sending/add', gets: false, reads: 'form' },
      '/admin/sending/check': { path: '/admin/sending/check', gets: false, reads: 'form' },
      '/admin/sending/remove': {
        path: '/admin/sending/remove?organisation=demo&domain=other.bookshop.example',
        ...{ gets: true, reads: 'form' },
      },
      '/admin/gateway/events': page('/admin/gateway/events'),
      '/admin/gateway/credentials/new': { path: '/admin/gateway/credentials/new', gets: true, reads: 'form' },
      '/admin/gateway/credentials/:user': page(credential),
      '/admin/gateway/credentials/:user/revoke': { path: `${credential}/revoke`, gets: true, reads: 'form' },
      '/admin/people': { path: '/admin/people', gets: true, reads: 'form' },
      '/admin/people/new': { path: '/admin/people/new', gets: true, reads: 'upload' },
      '/admin/people/mail': { path: '/admin/people/mail', gets: false, reads: 'upload' },
      '/admin/people/:ref': page(ada),
      '/admin/people/:ref/receipts/:chapter': page(`${ada}/receipts/${chapter}`),
      '/admin/people/:ref/r/:chapter': page(`${ada}/r/${chapter}`),
      '/admin/people/:ref/unmask': { path: `${ada}/unmask`, gets: false, reads: 'form' },
      '/admin/people/:ref/correct': { path: `${ada}/correct`, gets: false, reads: 'form' },
      '/admin/campaigns/:id': page(admin),
      '/admin/campaigns/:id/audience': { path: `${admin}/audience`, gets: true, reads: 'form' },
      '/admin/campaigns/:id/segments': { path: `${admin}/segments`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/plan': { path: `${admin}/plan`, gets: true, reads: 'form' },
      '/admin/campaigns/:id/cancel': { path: `${scheduled}/cancel`, gets: true, reads: 'form' },
      '/admin/campaigns/:id/unschedule': { path: `${scheduled}/unschedule`, gets: false, reads: 'form' },
      '/admin/segments/:id/rename': { path: `/admin/segments/${segment}/rename`, gets: false, reads: 'form' },
      '/admin/segments/:id/delete': { path: `/admin/segments/${segment}/delete`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/tags': { path: `${admin}/tags`, gets: true, reads: 'form' },
      '/admin/campaigns/:id/preview': page(`${admin}/preview`),
      '/admin/campaigns/:id/events': page(`${admin}/events`),
      '/admin/campaigns/:id/results': { path: `${admin}/results`, gets: true, reads: 'form' },
      '/admin/campaigns/:id/results/tracking': { path: `${admin}/results/tracking`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/results.csv': { path: `${admin}/results.csv`, gets: true, reads: 'form' },
      '/admin/campaigns/:id/test': { path: `${admin}/test`, gets: true, reads: 'form' },
      '/admin/campaigns/:id/check': page(`${admin}/check`),
      '/admin/campaigns/:id/spam': { path: `${admin}/spam`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/text': { path: `${admin}/text`, gets: true, reads: 'upload' },
      '/admin/campaigns/:id/ask': { path: `${admin}/ask`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/return': { path: `${admin}/return`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/duplicate': { path: `${admin}/duplicate`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/pictures': { path: `${admin}/pictures`, gets: false, reads: 'form' },
      '/admin/campaigns/:id/keep': { path: `${admin}/keep`, gets: false, reads: 'form' },
      '/admin/templates/:ref': { path: kept, gets: true, reads: 'upload' },
      '/admin/templates/:ref/preview': page(`${kept}/preview`),
      '/admin/templates/:ref/name': { path: `${kept}/name`, gets: false, reads: 'form' },
      '/admin/templates/:ref/delete': { path: `${kept}/delete`, gets: false, reads: 'form' },
      '/admin/templates/:ref/restore': { path: `${kept}/restore`, gets: false, reads: 'form' },
      '/i/:token': page(await hostedPicture(ctx)),
      '/w/:token': page(path(await webVersionLink(ctx))),
      '/admin/campaigns/:id/send': { path: `${admin}/send`, gets: true, reads: 'form' },
    },
  };
}

/** The pattern of every route in the sources: the first argument of .route(), .get(), .post() and the like. */
export function routePatterns(): string[] {
  const patterns = readSources('server').flatMap((source) =>
    nodesOf(source).flatMap((node) => {
      if (!ts.isCallExpression(node)) return [];
      const { expression } = node;
      const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText(source.tree);
      const [first] = node.arguments;
      const isRoute = /^(route|get|post|put|patch|delete|all|options|head|serve)$/.test(name);
      return isRoute && first && ts.isStringLiteralLike(first) && first.text.startsWith('/') ? [first.text] : [];
    }),
  );
  return [...new Set(patterns)].sort();
}

/** Sends bytes as they are, and returns all that comes back until the other side hangs up. */
export async function sendRaw(base: string, bytes: string | Buffer, hangUp = false): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => {
      if (hangUp) socket.end(bytes);
      else socket.write(bytes);
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** How the owner addresses the page of somebody. */
async function personRef(ctx: Context, address: string): Promise<string> {
  const [staffId, organisationId] = [
    await one<string>(ctx, 'select id from staff'),
    await one<string>(ctx, 'select id from organisation'),
  ];
  return makePersonRef(ctx, staffId, { organisationId, subscriberId: null, address });
}

/** A campaign that waits for its time. */
async function scheduledCampaign(ctx: Context, source: Buffer): Promise<string> {
  const id = await createCampaign(ctx, { list: 'news', fileName: 'june.html', source });
  const at = new Date(ctx.now().getTime() + 30 * 86_400_000).toISOString();
  await changeDraft(ctx, id, { settings: { sending: { at } } });
  await releaseCampaign(ctx, id);
  return id;
}

/** The page of the campaign that was sent. */
async function webVersionLink(ctx: Context): Promise<string> {
  const sent = await one<string>(ctx, `select id from campaign where state = 'sent'`);
  return webVersionOf(ctx, await listBySlug(ctx, 'news'), sent, 'en');
}

/** A picture of a draft, as mails name it. */
async function hostedPicture(ctx: Context): Promise<string> {
  const source = makeZip([
    { path: 'index.html', body: '<title>Boat</title><p>Hello</p><img src="boat.png" alt="A boat">' },
    { path: 'boat.png', body: BOAT },
  ]);
  const id = await createCampaign(ctx, { list: 'news', fileName: 'boat.zip', source, pictures: 'hosted' });
  const content = await loadCampaign(ctx, id);
  const sha256 = content.pictures?.[0]?.sha256 ?? '';
  return new URL(hostPictures(ctx, await listBySlug(ctx, 'news'), content, `cid:${sha256.slice(0, 32)}@picture`))
    .pathname;
}

/** A PNG of one point. */
const BOAT = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

async function magicLink(service: TestService, count: number): Promise<string> {
  await post(`${service.base}/preferences`, { email: 'ada@gmail.com' });
  return linkIn(await service.mailTo('ada@gmail.com', count), 'm');
}

function page(path: string): Place {
  return { path, gets: true, reads: null };
}

function pages(paths: readonly string[]): Record<string, Place> {
  return Object.fromEntries(paths.map((path) => [path, page(path)]));
}

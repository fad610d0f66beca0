import { Router, type Request, type Response } from 'express';
import { textOf } from '../consent/catalogue.js';
import { uuidOf } from '../consent/confirm.js';
import { loadReceipt, type Receipt } from '../consent/receipt.js';
import { Refusal } from '../errors.js';
import { openLink } from '../links/token.js';
import {
  handle,
  languageOf,
  onlyMethods,
  organisationBase,
  param,
  plainBase,
  sendPage,
  type Site,
} from '../web/http.js';
import { logVkey, publicCheckpoint } from './store.js';

/** The public face of the log, and receipts. */
export function ledgerRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/receipts/:token')
    .get(handle(async (req, res) => download(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/r/:token')
    .get(handle(async (req, res) => read(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/log')
    .get(handle(async (req, res) => showLog(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/log/checkpoint')
    .get(handle(async (_req, res) => showCheckpoint(site, res)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/log/vkey')
    .get((_req, res) => void res.type('text/plain').send(`${logVkey(site.ctx)}\n`))
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}

async function find(site: Site, req: Request): Promise<Receipt> {
  const link = openLink(site.ctx.keyring, site.ctx.audiences, 'r', param(req, 'token'), site.ctx.now());
  return loadReceipt(site.ctx, uuidOf(link.ref));
}

async function download(site: Site, req: Request, res: Response): Promise<void> {
  const receipt = await find(site, req);
  res.setHeader('Content-Disposition', `attachment; filename="receipt-${receipt.number}.json"`);
  res.type('application/json').send(receipt.file);
}

async function read(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const receipt = await find(site, req);
  const language = languageOf(site, req, receipt.language);
  sendPage(site, res, 'receipt', {
    ...organisationBase(site, req, language, receipt.list.organisation),
    number: receipt.number,
    list: textOf(receipt.list, language),
    address: receipt.address,
    wording: receipt.wording,
    acts: receipt.acts.flatMap(({ kind, at }) => (isShownAct(kind) ? [{ kind, at }] : [])),
    download: { href: `/receipts/${param(req, 'token')}`, bytes: Buffer.byteLength(receipt.file) },
    proof: {
      origin: ctx.logOrigin,
      leafIndex: receipt.leafIndex,
      treeSize: receipt.checkpoint.size,
      rootHash: receipt.checkpoint.root.toString('base64'),
      vkey: logVkey(ctx),
      checkpointAt: receipt.checkpoint.signedAt,
      anchors: [],
      witnesses: [],
    },
  });
}

function isShownAct(kind: string): kind is 'requested' | 'offered' | 'confirmed' | 'withdrawn' {
  return ['requested', 'offered', 'confirmed', 'withdrawn'].includes(kind);
}

async function showLog(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  refuseWhenOff(site);
  const checkpoint = await publicCheckpoint(ctx.db, ctx.now());
  sendPage(site, res, 'log', {
    ...plainBase(site, req),
    origin: ctx.logOrigin,
    size: checkpoint?.size ?? 0,
    checkpointAt: checkpoint?.signedAt ?? null,
    checkpoint: checkpoint?.note ?? null,
    vkey: logVkey(ctx),
    checkpointHref: '/log/checkpoint',
    vkeyHref: '/log/vkey',
    witnesses: [],
    anchors: [],
  });
}

async function showCheckpoint(site: Site, res: Response): Promise<void> {
  refuseWhenOff(site);
  const checkpoint = await publicCheckpoint(site.ctx.db, site.ctx.now());
  if (!checkpoint) throw new Refusal('not-found', 'The log has no public checkpoint yet.');
  res.setHeader('Cache-Control', 'no-cache');
  res.type('text/plain').send(checkpoint.note);
}

function refuseWhenOff(site: Site): void {
  if (site.ctx.config.logMode !== 'public') throw new Refusal('not-found', 'This log is not public.');
}

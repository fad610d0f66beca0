import { Router, type Request, type Response } from 'express';
import { logVkey } from '../ledger/store.js';
import { openLink } from '../links/token.js';
import { handle, languageOf, onlyMethods, organisationBase, param, sendPage, type Site } from '../web/http.js';
import { textOf } from './catalogue.js';
import { uuidOf } from './confirm.js';
import { loadReceipt, type Receipt } from './receipt.js';

/** Receipts, for whoever holds a fresh link to one: as a file and as a page. */
export function receiptRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/receipts/:token')
    .get(handle(async (req, res) => download(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/r/:token')
    .get(handle(async (req, res) => read(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}

async function find(site: Site, req: Request): Promise<Receipt> {
  const link = openLink(site.ctx.keyring, site.ctx.audiences, 'r', param(req, 'token'), site.ctx.now());
  return loadReceipt(site.ctx, uuidOf(link.ref));
}

async function download(site: Site, req: Request, res: Response): Promise<void> {
  sendReceiptFile(res, await find(site, req));
}

/** Sends a receipt as a file. */
export function sendReceiptFile(res: Response, receipt: Receipt): void {
  res.setHeader('Content-Disposition', `attachment; filename="receipt-${receipt.number}.json"`);
  res.type('application/json').send(receipt.file);
}

async function read(site: Site, req: Request, res: Response): Promise<void> {
  const receipt = await find(site, req);
  const language = languageOf(site, req, receipt.language);
  sendReceiptPage(site, req, res, { receipt, language, downloadHref: `/receipts/${param(req, 'token')}` });
}

/** Sends a receipt as a page to read. `downloadHref`: where the file is; null: whoever reads it may not have it. */
export function sendReceiptPage(
  site: Site,
  req: Request,
  res: Response,
  { receipt, language, downloadHref }: { receipt: Receipt; language: string; downloadHref: string | null },
): void {
  const { ctx } = site;
  sendPage(site, res, 'receipt', {
    ...organisationBase(site, req, language, receipt.list.organisation),
    number: receipt.number,
    list: textOf(receipt.list, language),
    address: receipt.address,
    wording: receipt.wording,
    acts: receipt.acts.flatMap(({ kind, at, byReply }) =>
      isShownAct(kind) ? [{ kind: byReply ? 'confirmedByReply' : kind, at }] : [],
    ),
    byReply: receipt.acts.some(({ byReply }) => byReply),
    download: downloadHref === null ? null : { href: downloadHref, bytes: Buffer.byteLength(receipt.file) },
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

import { Router, type Request, type Response } from 'express';
import { openLink } from '../links/token.js';
import { handle, languageOf, onlyMethods, param, sendPage, type Site } from '../web/http.js';
import { linkAddress } from './catalogue.js';
import { uuidOf } from '../links/uuid.js';
import { toDpv } from './export-dpv.js';
import { toKantara } from './export-kantara.js';
import { exportFacts } from './export-facts.js';
import { loadReceipt, type Receipt } from './receipt.js';
import { receiptPage } from './receipt-view.js';

/** Receipts, for whoever holds a fresh link to one: as a file, in the forms of other systems, and as a page. */
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
  sendReceiptFile(site, req, res, await find(site, req));
}

/** Sends a receipt as a file; with `?as=dpv` or `?as=kantara` what its records say, without the proof. */
export function sendReceiptFile(site: Site, req: Request, res: Response, receipt: Receipt): void {
  const facts = (): ReturnType<typeof exportFacts> =>
    exportFacts(receipt, { address: linkAddress(site.ctx, receipt.list.organisation) });
  const name = `receipt-${receipt.number}`;
  const as = req.query['as'];
  if (as === 'dpv') send(res, `${name}.jsonld`, 'application/ld+json', json(toDpv(facts())));
  else if (as === 'kantara') send(res, `${name}-kantara.json`, 'application/json', json(toKantara(facts())));
  else send(res, `${name}.json`, 'application/json', receipt.file);
}

/** Sends a receipt as a page to read. `downloadHref`: where the file is; null: whoever reads it may not have it. */
export function sendReceiptPage(
  site: Site,
  req: Request,
  res: Response,
  how: { receipt: Receipt; language: string; downloadHref: string | null },
): void {
  sendPage(site, res, 'receipt', receiptPage(site, req, how));
}

async function read(site: Site, req: Request, res: Response): Promise<void> {
  const receipt = await find(site, req);
  const language = languageOf(site, req, receipt.language);
  sendReceiptPage(site, req, res, { receipt, language, downloadHref: `/receipts/${param(req, 'token')}` });
}

function send(res: Response, name: string, type: string, file: string): void {
  res.setHeader('Content-Disposition', `attachment; filename="${name}"`);
  res.type(type).send(file);
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

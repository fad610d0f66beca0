import { Router, type Request, type Response } from 'express';
import { Refusal } from '../errors.js';
import { handle, onlyMethods, plainBase, sendPage, type Site } from '../web/http.js';
import { withCosignatures } from './attested.js';
import { Malformed } from './malformed.js';
import { hashReader, logVkey, publicCheckpoint, readEntries } from './store.js';
import { entryBundle, parseTilePath, TILE_WIDTH, tileWidth, type TileName } from './tiles.js';

/** The public face of the log. */
export function ledgerRoutes(site: Site): Router {
  const routes = Router();
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
  routes
    .route('/log/tile/*path')
    .get(handle(async (req, res) => showTile(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
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
  res.type('text/plain').send(await withCosignatures(site.ctx.db, checkpoint));
}

// Only what the public checkpoint covers: a tile must not tell sooner than it does what came in (T2).
async function showTile(site: Site, req: Request, res: Response): Promise<void> {
  refuseWhenOff(site);
  const tile = readTileName(req.path);
  const checkpoint = await publicCheckpoint(site.ctx.db, site.ctx.now());
  const width = tile && tileWidth(tile, checkpoint?.size ?? 0);
  if (!tile || !width || tile.width > width) throw new Refusal('not-found', 'The public log has no such tile.');
  const start = tile.index * TILE_WIDTH;
  const body =
    tile.level === null
      ? entryBundle(await readEntries(site.ctx.db, start, start + tile.width))
      : Buffer.concat(await hashReader(site.ctx.db)(tile.level, start, start + tile.width));
  // A tile never changes once it is there.
  res.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
  res.type('application/octet-stream').send(body);
}

function readTileName(path: string): TileName | null {
  try {
    return parseTilePath(path.replace(/^\/log\//, ''));
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function refuseWhenOff(site: Site): void {
  if (site.ctx.config.logMode !== 'public') throw new Refusal('not-found', 'This log is not public.');
}

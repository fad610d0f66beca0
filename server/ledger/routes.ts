import { Router, type Request, type Response } from 'express';
import { Refusal } from '../errors.js';
import { handle, onlyMethods, param, plainBase, sendPage, type Site } from '../web/http.js';
import { dailySizes } from './growth.js';
import { readLogKeys } from './log-keys.js';
import { growthPlot } from './log-view.js';
import { attestations } from './attestations.js';
import { withCosignatures } from './attested.js';
import { Malformed } from './malformed.js';
import { oldTip } from './old-tip.js';
import { hashReader, logFacts, publicCheckpoint, readEntries } from './store.js';
import { entryBundle, parseTilePath, TILE_WIDTH, tileWidth, type TileName } from './tiles.js';

type Answer = (site: Site, req: Request, res: Response) => Promise<void>;

/**
 * The public face of the log: c2sp tlog-tiles below `/log`, and where it was continued under another name, below that name too (`/log/2`), where no cache holds
 * tiles of before. Anything but LOG_MODE=public hides all of it.
 */
export function ledgerRoutes(site: Site): Router {
  const routes = Router();
  const serve = (path: string, answer: Answer): void => {
    routes
      .route(path === '/log' ? path : [path, path.replace('/log', '/log/:name')])
      .get(
        handle(async (req, res) => {
          if (site.ctx.config.logMode !== 'public') throw new Refusal('not-found', 'This log is not public.');
          await answer(site, req, res);
        }),
      )
      .all(onlyMethods('GET', 'HEAD'));
  };
  serve('/log', showLog);
  serve('/log/checkpoint', showCheckpoint);
  serve('/log/vkey', showVkey);
  serve('/log/vkeys', showVkeys);
  serve('/log/config/:hash', showOldTip);
  serve('/log/tile/*path', showTile);
  return routes;
}

async function showLog(site: Site, req: Request, res: Response): Promise<void> {
  const { ctx } = site;
  const checkpoint = await publicCheckpoint(ctx.db, ctx.now());
  const { origin, vkey, formerVkeys } = await logFacts(ctx);
  sendPage(site, res, 'log', {
    ...plainBase(site, req),
    origin,
    size: checkpoint?.size ?? 0,
    growth: growthPlot(await dailySizes(ctx.db, ctx.now())),
    checkpointAt: checkpoint?.signedAt ?? null,
    checkpoint: checkpoint?.note ?? null,
    vkey,
    formerVkeys,
    address: `${ctx.publicUrl}/${pathOf(origin)}`,
    checkpointHref: '/log/checkpoint',
    vkeyHref: '/log/vkey',
    vkeysHref: '/log/vkeys',
    ...(await attestations(ctx.db, checkpoint?.size ?? 0)),
  });
}

async function showCheckpoint(site: Site, req: Request, res: Response): Promise<void> {
  await requireName(site, req);
  const checkpoint = await publicCheckpoint(site.ctx.db, site.ctx.now());
  if (!checkpoint) throw new Refusal('not-found', 'The log has no public checkpoint yet.');
  res.setHeader('Cache-Control', 'no-cache');
  res.type('text/plain').send(await withCosignatures(site.ctx.db, checkpoint));
}

async function showVkey(site: Site, req: Request, res: Response): Promise<void> {
  await requireName(site, req);
  res.setHeader('Cache-Control', 'no-cache');
  res.type('text/plain').send(`${(await logFacts(site.ctx)).vkey}\n`);
}

/** Every key of the log, oldest first: vkey, smallest and biggest tree that it signed; the last one goes on. */
async function showVkeys(site: Site, req: Request, res: Response): Promise<void> {
  await requireName(site, req);
  const keys = await readLogKeys(site.ctx.db, site.ctx.keyring);
  const lines = keys.map(({ vkey, firstSize }, place) => {
    const next = keys[place + 1];
    return `${vkey} ${Math.max(1, firstSize)} ${next ? next.firstSize - 1 : '-'}\n`;
  });
  res.setHeader('Cache-Control', 'no-cache');
  res.type('text/plain').send(lines.join(''));
}

async function showOldTip(site: Site, req: Request, res: Response): Promise<void> {
  const note = oldTip(await readLogKeys(site.ctx.db, site.ctx.keyring), param(req, 'hash'));
  if (note === null) throw new Refusal('not-found', 'No leaf of this log names such a checkpoint.');
  res.setHeader('Cache-Control', FOR_EVER);
  res.type('text/plain').send(note);
}

const FOR_EVER = 'public, max-age=31536000, immutable';
/** A partial tile never changes either, but nobody asks for it again once the tree has grown. */
const FOR_A_WHILE = 'public, max-age=600';

// Only what the public checkpoint covers: a tile must not tell sooner than it does what came in (T2).
async function showTile(site: Site, req: Request, res: Response): Promise<void> {
  await requireName(site, req);
  const tile = readTileName(req.path);
  const checkpoint = await publicCheckpoint(site.ctx.db, site.ctx.now());
  const width = tile && tileWidth(tile, checkpoint?.size ?? 0);
  if (!tile || !width || tile.width > width) throw new Refusal('not-found', 'The public log has no such tile.');
  const start = tile.index * TILE_WIDTH;
  const body =
    tile.level === null
      ? entryBundle(await readEntries(site.ctx.db, start, start + tile.width))
      : Buffer.concat(await hashReader(site.ctx.db)(tile.level, start, start + tile.width));
  res.setHeader('Cache-Control', tile.width === TILE_WIDTH ? FOR_EVER : FOR_A_WHILE);
  res.type('application/octet-stream').send(body);
}

function readTileName(path: string): TileName | null {
  try {
    return parseTilePath(path.replace(/^\/log\/(\d+\/)?/, ''));
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

// Below another name than that of the log there is nothing.
async function requireName(site: Site, req: Request): Promise<void> {
  const name = param(req, 'name');
  if (name === '') return;
  const { origin } = await logFacts(site.ctx);
  if (pathOf(origin) !== `log/${name}`) throw new Refusal('not-found', 'There is no log of this name here.');
}

/** `log`, or `log/2` where it was continued. */
function pathOf(origin: string): string {
  const [, count] = /\/(\d{1,6})$/.exec(origin) ?? [];
  return count === undefined ? 'log' : `log/${count}`;
}

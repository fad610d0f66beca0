import pg from 'pg';
import type { Bell, Ring } from '../bell.js';
import type { Logger } from '../logger.js';
import type { Database } from './connect.js';

const CHANNEL = 'zgoda';
/** Rings within this time become one notification, in ms. */
const GATHER_MS = 20;
const RETRY_MS = 5000;

/**
 * Carries rings between processes on one PostgreSQL, by NOTIFY and a connection of its own that listens. Whatever gets lost on the way costs a pause, since
 * every loop also looks by itself. Returns what ends it.
 */
export function carryRings(url: string, db: Database, bell: Bell, logger: Logger): () => Promise<void> {
  const gathered = new Set<Ring>();
  let timer: NodeJS.Timeout | null = null;
  let client: pg.Client | null = null;
  let isOver = false;

  bell.listen((what) => {
    gathered.add(what);
    timer ??= setTimeout(() => {
      timer = null;
      const rings = [...gathered];
      gathered.clear();
      db.query('select pg_notify($1, ring) from unnest($2::text[]) as ring', [CHANNEL, rings]).catch(() => undefined);
    }, GATHER_MS);
  });

  const connect = async (): Promise<void> => {
    if (isOver) return;
    const fresh = new pg.Client({
      connectionString: url,
      application_name: 'zgoda bell',
      connectionTimeoutMillis: RETRY_MS,
    });
    client = fresh;
    fresh.on('notification', ({ payload }) => {
      if (isRing(payload)) bell.hear(payload);
    });
    const again = (): void => {
      fresh.removeAllListeners('end');
      if (!isOver) setTimeout(() => void connect(), RETRY_MS).unref();
    };
    fresh.on('error', () => undefined);
    fresh.once('end', again);
    try {
      await fresh.connect();
      await fresh.query(`listen ${CHANNEL}`);
    } catch (error) {
      logger.debug({ err: error }, 'no connection for rings yet');
      await fresh.end().catch(() => undefined);
    }
  };
  void connect();

  return async () => {
    isOver = true;
    if (timer) clearTimeout(timer);
    await client?.end().catch(() => undefined);
  };
}

function isRing(text: string | undefined): text is Ring {
  return ['sign-up', 'event', 'mail', 'checkpoint', 'campaign'].includes(text ?? '');
}

import type { Config } from './config.js';
import type { Journal } from './consent/journal.js';
import type { Database } from './database/connect.js';
import type { Keyring } from './keys/keyring.js';
import type { Logger } from './logger.js';
import type { Bell } from './bell.js';
import type { Meter } from './meter.js';

/** What every action needs; a plain object, made once at start. */
export interface Context {
  readonly config: Config;
  readonly keyring: Keyring;
  readonly db: Database;
  readonly logger: Logger;
  readonly bell: Bell;
  /** How busy this process is with pages. */
  readonly meter: Meter;
  readonly journal: Journal;
  /** All hosts under which links were ever made. */
  readonly audiences: readonly string[];
  /** Origin of the proof log, fixed at first start. */
  readonly logOrigin: string;
  /** Link address where an organisation has none of its own; no trailing slash. */
  readonly publicUrl: string;
  now(): Date;
}

/** What an action needs of the context when its caller has opened the transaction. */
export type Acting = Pick<Context, 'keyring' | 'now'>;

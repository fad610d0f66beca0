import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boot } from '../../server/boot.js';
import { readConfig } from '../../server/config.js';
import { setup } from '../../server/consent/setup.js';
import type { Context } from '../../server/context.js';
import { makeLogger } from '../../server/logger.js';
import { DEMO } from '../../server/tour/demo.js';
import { createTestDatabase } from './database.js';

/** A fresh database with the demo organisation, and nothing that works on it: no pages, no worker. */
export interface TestContext {
  readonly ctx: Context;
  drop(): Promise<void>;
}

export async function makeTestContext(): Promise<TestContext> {
  const folder = await mkdtemp(join(tmpdir(), 'zgoda-test-'));
  const database = await createTestDatabase();
  const config = readConfig({
    PORT: '0',
    ABUSE_LIMITS: 'off',
    DATA_DIR: join(folder, 'data'),
    ...database.settings,
  });
  const booted = await boot(config, makeLogger('silent'), database.template ? { template: database.template } : {});
  await setup(booted.ctx, DEMO);
  return {
    ctx: booted.ctx,
    drop: async () => {
      await booted.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

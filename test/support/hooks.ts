// Loaded before every test file.
import { dropTemplate } from './database.js';
import { stopLeftovers } from './service.js';

const PATIENCE_MS = 30_000;

/** What is left of a run ends with it: the template database, and whatever a test that failed half-way did not close. */
export const mochaHooks = {
  afterAll: async (): Promise<void> => {
    await stopLeftovers();
    await dropTemplate();
    setTimeout(() => {
      process.stderr.write(`still open when the tests had ended: ${process.getActiveResourcesInfo().join(', ')}\n`);
      process.exit(1);
    }, PATIENCE_MS).unref();
  },
};

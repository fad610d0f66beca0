// Loaded before every test file.
import { dropTemplate } from './database.js';

/** The template database of the run goes when the run ends. */
export const mochaHooks = {
  afterAll: async (): Promise<void> => dropTemplate(),
};

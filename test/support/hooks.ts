// Loaded before every test file: the run must fail when it finds nothing to run.
import type { RootHookObject } from 'mocha';

export const mochaHooks: RootHookObject = {};

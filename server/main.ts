#!/usr/bin/env node
import { readConfig } from './config.js';
import { Refusal } from './errors.js';
import { makeLogger } from './logger.js';
import { serve } from './serve.js';

/** After SIGTERM everything must have ended by itself within this time, in ms. */
const DRAIN_MS = 9500;

try {
  const config = readConfig(process.env);
  const logger = makeLogger(config.logLevel);
  const service = await serve(config, logger);
  console.log(service.greeting);
  let isStopping = false;
  const stop = (signal: string): void => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'stopping: no new work, mails in flight finish');
    setTimeout(() => {
      logger.error('not everything ended in time');
      process.exit(1);
    }, DRAIN_MS).unref();
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // The embedded database has ended under us: nothing can be saved any more, so start anew rather than pretend.
  void service.databaseEnded.then(() => {
    if (isStopping) return;
    logger.fatal('the embedded database has ended');
    process.exit(1);
  });
} catch (error) {
  console.error(error instanceof Refusal ? error.message : error);
  process.exit(1);
}

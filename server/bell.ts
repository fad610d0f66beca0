import { EventEmitter } from 'node:events';

/** What may have happened: a sign-up came, an event wants its leaf, a mail is due, a checkpoint was signed. */
export type Ring = 'sign-up' | 'event' | 'mail' | 'checkpoint';

/** Wakes loops that would otherwise look again only after their pause. A lost ring costs that pause, never a fact. */
export interface Bell {
  ring(what: Ring): void;
  /** Resolves at the next ring, or after `ms`, whichever is first. */
  wait(what: Ring, ms: number, signal?: AbortSignal): Promise<void>;
  /** Called at each ring: to tell other processes. */
  listen(hear: (what: Ring) => void): void;
}

const RINGS: Ring[] = ['sign-up', 'event', 'mail', 'checkpoint'];

/** A bell within this process. */
export function makeBell(): Bell {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  return {
    ring: (what) => void emitter.emit(what),
    wait: async (what, ms, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          emitter.off(what, done);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        emitter.once(what, done);
        signal?.addEventListener('abort', done);
        if (signal?.aborted) done();
      }),
    listen: (hear) => {
      for (const what of RINGS) emitter.on(what, () => hear(what));
    },
  };
}

import { EventEmitter } from 'node:events';

/** What may have happened: a sign-up came, an event wants its leaf, a mail is due, a checkpoint was signed, a campaign was stopped or goes on. */
export type Ring = 'sign-up' | 'event' | 'mail' | 'checkpoint' | 'campaign';

/** Wakes loops that would otherwise look again only after their pause. A lost ring costs that pause, never a fact. */
export interface Bell {
  ring(what: Ring): void;
  /** Resolves at the next ring, or after `ms`, whichever is first. */
  wait(what: Ring, ms: number, signal?: AbortSignal): Promise<void>;
  /** Does anybody in this process wait for it? */
  isAwaited(what: Ring): boolean;
  /** Wakes this process only: for what another one rang. */
  hear(what: Ring): void;
  /** Called at each ring of this process: to tell others. */
  listen(tell: (what: Ring) => void): void;
}

/** A bell within this process. */
export function makeBell(): Bell {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  const told: ((what: Ring) => void)[] = [];
  return {
    ring: (what) => {
      emitter.emit(what);
      for (const tell of told) tell(what);
    },
    hear: (what) => void emitter.emit(what),
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
    isAwaited: (what) => emitter.listenerCount(what) > 0,
    listen: (tell) => void told.push(tell),
  };
}

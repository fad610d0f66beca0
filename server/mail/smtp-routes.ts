import { makeSmtpPool, type SmtpMail, type SmtpOutcome, type SmtpPool, type SmtpPoolOptions } from './smtp.js';

/** A route that failed rests for so long, in ms, twice as long after each failure. */
const SHORTEST_REST = 2_000;
const LONGEST_REST = 60_000;

interface Route {
  readonly pool: SmtpPool;
  /** 0: it works, as far as we know. */
  rest: number;
  restsUntil: number;
}

/**
 * Several servers that take our mail, preferred first. A mail goes to the next one only when the one before refused the session or was away before anything of
 * the mail was sent: so none goes twice. One that failed rests, and is then tried by one mail.
 */
export function makeSmtpRoutes({
  urls,
  ...options
}: Omit<SmtpPoolOptions, 'url'> & { urls: readonly string[] }): SmtpPool {
  const [only, ...others] = urls;
  if (only !== undefined && others.length === 0) return makeSmtpPool({ ...options, url: only });
  const routes = urls.map((url): Route => ({ pool: makeSmtpPool({ ...options, url }), rest: 0, restsUntil: 0 }));
  const sendIf = async (mail: SmtpMail, mayGo: () => boolean): Promise<SmtpOutcome | null> => {
    let last: SmtpOutcome = { kind: 'deferred', reply: 'There is no server that takes mail.' };
    for (const route of inOrder(routes)) {
      const outcome = await route.pool.sendIf(mail, mayGo);
      if (outcome === null) return null;
      last = outcome;
      const isUntried = outcome.kind === 'deferred' && outcome.isUntried === true;
      noteHealth(route, !isUntried);
      if (!isUntried) return outcome;
    }
    return last;
  };
  const verifyEach = async (): Promise<boolean[]> => Promise.all(routes.map(async ({ pool }) => pool.verify()));
  return {
    sendIf,
    send: async (mail) => (await sendIf(mail, () => true)) ?? { kind: 'deferred', reply: 'It was stopped.' },
    verify: async () => (await verifyEach()).includes(true),
    verifyEach,
    close: async () => {
      await Promise.all(routes.map(async ({ pool }) => pool.close()));
    },
    get inFlight() {
      return routes.reduce((sum, { pool }) => sum + pool.inFlight, 0);
    },
  };
}

/** Those that work, preferred first; then those that rest, since there may be nothing else. */
function inOrder(routes: readonly Route[]): Route[] {
  const now = performance.now();
  const due = routes.find(({ rest, restsUntil }) => rest > 0 && restsUntil <= now);
  // This mail tries it; the others go past it meanwhile.
  if (due) due.restsUntil = now + due.rest;
  const works = (route: Route): boolean => route.rest === 0 || route === due;
  return [...routes.filter(works), ...routes.filter((route) => !works(route))];
}

function noteHealth(route: Route, isWell: boolean): void {
  route.rest = isWell ? 0 : Math.min(LONGEST_REST, Math.max(SHORTEST_REST, route.rest * 2));
  route.restsUntil = performance.now() + route.rest;
}

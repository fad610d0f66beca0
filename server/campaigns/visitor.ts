/** Who follows a link, as far as the request says. Proxy: a mail provider that fetches pictures for all its users, whether they read or not. */
export type Visitor = 'person' | 'machine' | 'proxy';

/** What a request says of itself. */
export interface Asking {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The address is reached by https, where browsers tell why they ask. */
  readonly isTls: boolean;
}

/** Programs that name themselves, and gateways that look into links before people do (standards.md 2). */
const PROGRAMS =
  /bot\b|crawl|spider|slurp|scan|preview|monitor|fetch|headless|phantom|curl|wget|libwww|python|perl|ruby|java\/|okhttp|go-http|node|axios|undici|httpclient|winhttp|powershell|barracuda|proofpoint|mimecast|fireeye|trendmicro|symantec|sophos|fortinet|checkpoint|paloalto|microsoft office|ms-office|msoffice|outlook-ios\/bundle|skypeuripreview|facebookexternalhit|whatsapp|telegram|slack|discord/i;

/** Browsers that say why they ask, since their versions of 2020 to 2023 (Fetch Metadata). */
const TELLS_WHY = /\b(?:Chrome|Firefox)\/(?:9\d|1\d\d)\b/;

/** Judges one request by itself. What is no browser, or a browser that only looks ahead, is no person. */
export function visitorOf({ method, headers, isTls }: Asking): Visitor {
  const text = (name: string): string => String(headers[name] ?? '');
  const agent = text('user-agent');
  if (method !== 'GET') return 'machine';
  if (
    /prefetch|preview|prerender/i.test(
      `${text('purpose')} ${text('sec-purpose')} ${text('x-moz')} ${text('x-purpose')}`,
    )
  )
    return 'machine';
  // Apple's Mail Privacy Protection says this and nothing more; Yahoo and others fetch ahead as well.
  if (agent === 'Mozilla/5.0' || /YahooMailProxy|DuckDuckGo-Email/i.test(agent)) return 'proxy';
  // Google's fetches pictures only when somebody opens the mail.
  if (/GoogleImageProxy/.test(agent)) return 'person';
  if (agent.length < 20 || PROGRAMS.test(agent)) return 'machine';
  const mode = text('sec-fetch-mode');
  if (mode === '' && isTls && TELLS_WHY.test(agent)) return 'machine';
  return mode === '' || mode === 'navigate' || mode === 'no-cors' ? 'person' : 'machine';
}

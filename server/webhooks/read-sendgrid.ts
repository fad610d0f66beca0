import { z } from 'zod';
import { ARGUMENT, statusIn, type ProviderEvent } from './provider-event.js';

const MOST_EVENTS = 10_000;

const told = z.object({
  event: z.enum(['bounce', 'dropped', 'deferred', 'spamreport']),
  email: z.string().max(998),
  timestamp: z.number().positive(),
  type: z.string().max(50).nullish(),
  status: z.string().max(50).nullish(),
  reason: z.string().max(20_000).nullish(),
  [ARGUMENT]: z.string().max(300).nullish(),
});

const EVENTS = z.array(z.record(z.string(), z.unknown())).max(MOST_EVENTS);

/** What a batch of SendGrid tells: bounces, drops and complaints. Throws ZodError. */
export function readSendGrid(body: unknown): ProviderEvent[] {
  return EVENTS.parse(body).flatMap((event) => {
    const isOfUse = ['bounce', 'dropped', 'spamreport'].includes(String(event['event']));
    return isOfUse ? readOne(told.parse(event)) : [];
  });
}

function readOne(read: z.infer<typeof told>): ProviderEvent[] {
  const kind = kindOf(read);
  if (kind === null) return [];
  return [
    {
      mark: read[ARGUMENT] ?? null,
      recipient: read.email,
      happenedAt: new Date(read.timestamp * 1000),
      kind,
      status: statusIn(read.status, read.reason),
      said: read.reason ?? '',
    },
  ];
}

/** null: nothing that happened to the address. */
function kindOf({ event, type, status, reason }: z.infer<typeof told>): ProviderEvent['kind'] | null {
  if (event === 'spamreport') return 'complaint';
  if (event === 'dropped') {
    // From SendGrid's own lists, which were filled by events of before.
    if (/^bounced address/i.test(reason ?? '')) return 'hard';
    return /^spam reporting address/i.test(reason ?? '') ? 'complaint' : null;
  }
  // Blocked: for the message or for us; the address may be good.
  if (type === 'blocked') return statusIn(status, reason)?.startsWith('5.') ? 'policy' : 'soft';
  return /^5\.7\./.test(statusIn(status, reason) ?? '') ? 'policy' : 'hard';
}

import { z } from 'zod';
import { ARGUMENT, statusIn, type ProviderEvent } from './provider-event.js';

/** Of the body: the signature must be checked before the rest is read. */
export const mailgunBody = z.object({
  signature: z.object({
    timestamp: z.string().regex(/^\d{1,12}$/),
    token: z.string().min(10).max(100),
    signature: z.string().max(128),
  }),
  'event-data': z.record(z.string(), z.unknown()),
});

const told = z.object({
  event: z.enum(['failed', 'complained']),
  timestamp: z.number().positive(),
  recipient: z.string().max(998),
  severity: z.string().max(50).optional(),
  reason: z.string().max(100).optional(),
  'user-variables': z.record(z.string(), z.unknown()).nullish(),
  'delivery-status': z
    .object({
      code: z.number().optional(),
      'enhanced-code': z.string().max(50).nullish(),
      message: z.string().max(20_000).nullish(),
      description: z.string().max(20_000).nullish(),
    })
    .optional(),
});

/** What an event of Mailgun tells. Throws ZodError. */
export function readMailgun(event: Record<string, unknown>): ProviderEvent[] {
  if (event['event'] !== 'failed' && event['event'] !== 'complained') return [];
  const read = told.parse(event);
  const status = read['delivery-status'];
  const mark = read['user-variables']?.[ARGUMENT];
  const kind = kindOf(read);
  if (kind === null) return [];
  return [
    {
      mark: typeof mark === 'string' ? mark : null,
      recipient: read.recipient,
      happenedAt: new Date(read.timestamp * 1000),
      kind,
      status: statusIn(status?.['enhanced-code'], status?.message, status?.description),
      said: status?.message ?? status?.description ?? '',
    },
  ];
}

/** null: nothing that happened to the address. */
function kindOf({
  event,
  severity,
  reason,
  'delivery-status': status,
}: z.infer<typeof told>): ProviderEvent['kind'] | null {
  if (event === 'complained' || reason === 'suppress-complaint') return 'complaint';
  // It left Mailgun's own list: the list says nothing of ours.
  if (reason === 'suppress-unsubscribe') return null;
  if (severity !== 'permanent') return 'soft';
  const words = `${status?.['enhanced-code'] ?? ''} ${status?.message ?? ''} ${status?.description ?? ''}`;
  if (reason === 'suppress-bounce' || reason === 'bounce' || status?.code === 550 || status?.code === 605)
    return isPolicy(words) ? 'policy' : 'hard';
  // Given up after many tries, or refused for what we are.
  return isPolicy(words) || reason === 'espblock' ? 'policy' : 'soft';
}

function isPolicy(words: string): boolean {
  return /\b5\.7\.\d/.test(words);
}

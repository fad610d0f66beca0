import { z } from 'zod';
import { ARGUMENT, statusIn, type ProviderEvent } from './provider-event.js';

const told = z.object({
  RecordType: z.enum(['Bounce', 'SpamComplaint']),
  Type: z.string().max(50),
  Email: z.string().max(998),
  BouncedAt: z.iso.datetime({ offset: true }),
  Details: z.string().max(20_000).nullish(),
  Metadata: z.record(z.string().max(100), z.unknown()).nullish(),
});

const KINDS = new Map<string, ProviderEvent['kind']>(
  Object.entries({
    HardBounce: 'hard',
    BadEmailAddress: 'hard',
    SoftBounce: 'soft',
    Transient: 'soft',
    DnsError: 'soft',
    SpamNotification: 'policy',
    VirusNotification: 'policy',
    Blocked: 'policy',
    DMARCPolicy: 'policy',
    SMTPApiError: 'policy',
    SpamComplaint: 'complaint',
  }),
);

/** What a webhook of Postmark tells; nothing for other records, and for bounces that are answers of programs. Throws ZodError. */
export function readPostmark(body: Record<string, unknown>): ProviderEvent[] {
  if (body['RecordType'] !== 'Bounce' && body['RecordType'] !== 'SpamComplaint') return [];
  const read = told.parse(body);
  const kind = read.RecordType === 'SpamComplaint' ? 'complaint' : KINDS.get(read.Type);
  if (kind === undefined) return [];
  const mark = read.Metadata?.[ARGUMENT];
  return [
    {
      mark: typeof mark === 'string' ? mark : null,
      recipient: read.Email,
      happenedAt: new Date(read.BouncedAt),
      kind,
      status: statusIn(read.Details),
      said: read.Details ?? '',
    },
  ];
}

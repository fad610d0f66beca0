import { z } from 'zod';
import { ARGUMENT, statusIn, type ProviderEvent } from './provider-event.js';

const MOST = 100;
const address = z.string().max(998);
const when = z.iso.datetime();

const mail = z.object({
  source: address.optional(),
  tags: z.record(z.string().max(300), z.array(z.string().max(300)).max(50)).optional(),
  headers: z
    .array(z.object({ name: z.string(), value: z.string() }))
    .max(1000)
    .optional(),
});

const bounced = z.object({
  emailAddress: address,
  status: z.string().max(50).optional(),
  diagnosticCode: z.string().max(5000).optional(),
});

/** A notification of SES, or an event that it publishes: they differ in one name. Others than bounces and complaints are passed over. */
const notification = z.union([
  z.object({
    kind: z.literal('Bounce'),
    mail,
    bounce: z.object({
      timestamp: when,
      bounceType: z.string().max(50),
      bounceSubType: z.string().max(50),
      bouncedRecipients: z.array(bounced).max(MOST),
    }),
  }),
  z.object({
    kind: z.literal('Complaint'),
    mail,
    complaint: z.object({
      timestamp: when,
      complaintFeedbackType: z.string().max(50).nullish(),
      complainedRecipients: z.array(z.object({ emailAddress: address })).max(MOST),
    }),
  }),
]);

/** What the Message of an SNS notification of SES tells. Throws ZodError for a bounce or complaint that is not as SES writes it. */
export function readSes(told: Record<string, unknown>): ProviderEvent[] {
  const kind = told['notificationType'] ?? told['eventType'];
  if (kind !== 'Bounce' && kind !== 'Complaint') return [];
  const read = notification.parse({ ...told, kind });
  const mark = markOf(read.mail);
  return read.kind === 'Bounce' ? bouncesIn(read.bounce, mark) : complaintsIn(read.complaint, mark);
}

/** In a tag, where a configuration set publishes; in our own header, where the identity tells with headers; else in the envelope. */
function markOf({ tags, headers = [], source }: z.infer<typeof mail>): string | null {
  const header = headers.find(({ name }) => name.toLowerCase() === 'x-ses-message-tags')?.value;
  return tags?.[ARGUMENT]?.[0] ?? /(?:^|[,\s])zgoda=([a-z0-9]+)/.exec(header ?? '')?.[1] ?? source ?? null;
}

type Bounce = Extract<z.infer<typeof notification>, { kind: 'Bounce' }>['bounce'];
type Complaint = Extract<z.infer<typeof notification>, { kind: 'Complaint' }>['complaint'];

function bouncesIn(bounce: Bounce, mark: string | null): ProviderEvent[] {
  return bounce.bouncedRecipients.map(({ emailAddress, status, diagnosticCode }) => ({
    mark,
    recipient: emailAddress,
    happenedAt: new Date(bounce.timestamp),
    kind: kindOf(bounce),
    status: statusIn(status, diagnosticCode),
    said: diagnosticCode ?? '',
  }));
}

/** SES has judged it: permanent is hard only where it speaks of the address. */
function kindOf({ bounceType, bounceSubType }: Bounce): ProviderEvent['kind'] {
  if (bounceType === 'Permanent')
    return ['General', 'NoEmail', 'Suppressed', 'OnAccountSuppressionList'].includes(bounceSubType) ? 'hard' : 'policy';
  return ['MessageTooLarge', 'ContentRejected', 'AttachmentRejected'].includes(bounceSubType) ? 'policy' : 'soft';
}

function complaintsIn(complaint: Complaint, mark: string | null): ProviderEvent[] {
  // "not spam" is praise, and the others are about us: none is an objection of the person.
  const type = complaint.complaintFeedbackType ?? 'abuse';
  if (['not-spam', 'auth-failure', 'virus'].includes(type)) return [];
  return complaint.complainedRecipients.map(({ emailAddress }) => ({
    mark,
    recipient: emailAddress,
    happenedAt: new Date(complaint.timestamp),
    kind: 'complaint' as const,
    status: null,
    said: '',
  }));
}

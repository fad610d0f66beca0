import { z } from 'zod';

/** One recipient of a notice that a provider wrote as JSON. */
export interface Noticed {
  readonly kind: 'bounce' | 'complaint' | 'delivery';
  readonly recipients: readonly NoticedRecipient[];
}

export interface NoticedRecipient {
  readonly address: string;
  readonly action: string;
  readonly status: string;
  readonly diagnostic: string;
}

const text = z.string().max(4_000).catch('');
const recipient = z.object({ emailAddress: text, action: text, status: text, diagnosticCode: text });
const NOTICE = z.object({
  bounce: z.object({ bounceType: z.string().catch(''), bouncedRecipients: z.array(recipient).max(100) }).optional(),
  complaint: z.object({ complainedRecipients: z.array(recipient).max(100) }).optional(),
  delivery: z.object({ recipients: z.array(text).max(100), smtpResponse: text }).optional(),
});

/** What SNS puts around it where raw delivery is off. */
const ENVELOPE = z.object({ Type: z.literal('Notification'), Message: z.string() });

/** Reads a notice of Amazon SES that came as the text of a mail; null: it is none. Never throws. */
export function readNotice(text: string): Noticed | null {
  const outer = parse(text);
  const wrapped = ENVELOPE.safeParse(outer).data;
  const notice = NOTICE.safeParse(wrapped ? parse(wrapped.Message) : outer).data;
  if (notice?.complaint)
    return { kind: 'complaint', recipients: notice.complaint.complainedRecipients.map(toRecipient) };
  if (notice?.delivery) {
    const { recipients, smtpResponse } = notice.delivery;
    const status = /\b2\.\d{1,3}\.\d{1,3}\b/.exec(smtpResponse)?.[0] ?? '2.0.0';
    return {
      kind: 'delivery',
      recipients: recipients.map((address) => ({ address, action: 'delivered', status, diagnostic: smtpResponse })),
    };
  }
  if (!notice?.bounce) return null;
  const action = notice.bounce.bounceType === 'Transient' ? '' : 'failed';
  return {
    kind: 'bounce',
    recipients: notice.bounce.bouncedRecipients.map((one) => ({ ...toRecipient(one), action: one.action || action })),
  };
}

function toRecipient(one: z.infer<typeof recipient>): NoticedRecipient {
  return { address: one.emailAddress, action: one.action, status: one.status, diagnostic: one.diagnosticCode };
}

// The JSON ends before what a mail program adds for people.
function parse(given: string): unknown {
  // Some servers break long lines so.
  const text = given.replace(/!\r?\n /g, '');
  const start = text.indexOf('{');
  if (start === -1 || !text.slice(0, start).match(/^\s*$/)) return null;
  for (const end of [/\n-- ?\r?\n/, /\r?\n\r?\n/, /$/]) {
    const at = text.slice(start).search(end);
    try {
      return JSON.parse(text.slice(start, start + (at === -1 ? text.length : at))) as unknown;
    } catch {
      continue;
    }
  }
  return null;
}

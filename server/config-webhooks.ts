import { createPublicKey } from 'node:crypto';
import { z } from 'zod';

/** How the events of providers are known to be theirs; null, or no topic: their address is not there. */
export interface WebhookConfig {
  /** Names (ARN) of the SNS topics on which Amazon SES tells. */
  readonly sesTopics: readonly string[];
  /** `name:password`, with which Postmark logs in. */
  readonly postmarkLogin: string | null;
  readonly mailgunKey: string | null;
  /** Base64 of a SubjectPublicKeyInfo on P-256. */
  readonly sendgridKey: string | null;
}

const TOPIC = /^arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]{4,30}:\d{12}:[\w-]{1,256}$/;

/** Part of all settings. */
export const webhookSettings = {
  SES_TOPICS: z
    .string()
    .transform((text) => text.split(',').map((word) => word.trim()))
    .pipe(
      z.array(z.string().regex(TOPIC, 'must be names of SNS topics, such as arn:aws:sns:eu-west-1:123456789012:mail')),
    )
    .optional(),
  POSTMARK_LOGIN: z
    .string()
    .regex(
      /^[\x21-\x39\x3b-\x7e]{1,100}:[\x21-\x7e]{16,200}$/,
      'must be a name, ":" and a password of at least 16 characters',
    )
    .optional(),
  MAILGUN_KEY: z.string().min(16, 'must have at least 16 characters').optional(),
  SENDGRID_KEY: z.string().refine(isP256, 'must be the public key that SendGrid shows').optional(),
};

/** What was set. */
export function toWebhookConfig(set: {
  SES_TOPICS?: string[] | undefined;
  POSTMARK_LOGIN?: string | undefined;
  MAILGUN_KEY?: string | undefined;
  SENDGRID_KEY?: string | undefined;
}): WebhookConfig {
  return {
    sesTopics: set.SES_TOPICS ?? [],
    postmarkLogin: set.POSTMARK_LOGIN ?? null,
    mailgunKey: set.MAILGUN_KEY ?? null,
    sendgridKey: set.SENDGRID_KEY ?? null,
  };
}

function isP256(text: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}

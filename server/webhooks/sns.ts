import { verify, X509Certificate, type KeyObject } from 'node:crypto';
import { z } from 'zod';

const text = (most: number) => z.string().max(most);

const common = {
  MessageId: text(100),
  TopicArn: text(300),
  Timestamp: z.iso.datetime(),
  Message: text(262_144),
  SignatureVersion: text(5),
  Signature: text(1024),
  SigningCertURL: text(300),
};

/** An envelope of Amazon SNS. Fields that are not signed are not read. */
export const snsMessage = z.discriminatedUnion('Type', [
  z.object({ Type: z.literal('Notification'), Subject: text(200).nullish(), ...common }),
  z.object({
    Type: z.enum(['SubscriptionConfirmation', 'UnsubscribeConfirmation']),
    SubscribeURL: text(2000),
    Token: text(1000),
    ...common,
  }),
]);

export type SnsMessage = z.infer<typeof snsMessage>;

/** Where the certificate of a message may lie, or null: only with SNS itself, in the region of the topic, and by https. */
export function certificateUrl({ SigningCertURL: given, TopicArn }: SnsMessage): string | null {
  const host = snsHost(TopicArn);
  const isPlain = /^https:\/\/[a-z0-9.-]+\/SimpleNotificationService-[0-9a-zA-Z]{1,100}\.pem$/.test(given);
  return host !== null && isPlain && given.startsWith(`https://${host}/`) ? given : null;
}

/** The server of SNS that serves a topic: `sns.eu-central-1.amazonaws.com`; null for what is no name of a topic. */
export function snsHost(topicArn: string): string | null {
  const [, partition, region] =
    /^arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{4,30}):\d{12}:[\w-]{1,256}(?:\.fifo)?$/.exec(topicArn) ?? [];
  if (region === undefined) return null;
  return `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

/** The key of a certificate of SNS, as PEM: valid now, and made out to SNS. Throws for whatever is none. */
export function snsKey(pem: Buffer, now: Date): KeyObject {
  const certificate = new X509Certificate(pem);
  const isValid = new Date(certificate.validFrom) <= now && now <= new Date(certificate.validTo);
  if (!isValid) throw new Error('the certificate is out of its time');
  if (!/^CN=sns(?:-[a-z0-9-]+)?(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$/m.test(certificate.subject))
    throw new Error('the certificate is not made out to SNS');
  return certificate.publicKey;
}

/** Did SNS sign this? Version 2 only: SHA-256 with RSA. Version 1 is SHA-1. */
export function isSignedBySns(message: SnsMessage, key: KeyObject): boolean {
  return (
    message.SignatureVersion === '2' &&
    key.asymmetricKeyType === 'rsa' &&
    verify('sha256', Buffer.from(signedText(message), 'utf8'), key, Buffer.from(message.Signature, 'base64'))
  );
}

/** Name and value of each signed field, a line each, in the order that SNS has them. */
export function signedText(message: SnsMessage): string {
  const fields: readonly (readonly [string, string | null | undefined])[] =
    message.Type === 'Notification'
      ? [
          ['Message', message.Message],
          ['MessageId', message.MessageId],
          ['Subject', message.Subject],
          ['Timestamp', message.Timestamp],
          ['TopicArn', message.TopicArn],
          ['Type', message.Type],
        ]
      : [
          ['Message', message.Message],
          ['MessageId', message.MessageId],
          ['SubscribeURL', message.SubscribeURL],
          ['Timestamp', message.Timestamp],
          ['Token', message.Token],
          ['TopicArn', message.TopicArn],
          ['Type', message.Type],
        ];
  return fields.flatMap(([name, value]) => (typeof value === 'string' ? `${name}\n${value}\n` : [])).join('');
}

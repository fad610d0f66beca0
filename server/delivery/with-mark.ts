import type { Context } from '../context.js';
import { returnMark, type DeliveryKey } from '../links/bounce-token.js';
import { formatHeaders } from '../mail/headers.js';
import { providerFields, type Provider } from '../mail/provider-fields.js';

/** A mail with the header by which the provider that takes it names it when it tells of it; as it is where none is set. */
export function withMark(ctx: Context, of: DeliveryKey, message: Buffer | Buffer[]): Buffer | Buffer[] {
  const providers = providersIn(ctx);
  if (providers.length === 0) return message;
  const head = formatHeaders(providerFields(providers, returnMark(ctx.keyring, of)));
  return [Buffer.from(head), ...(Array.isArray(message) ? message : [message])];
}

function providersIn({ config: { webhooks } }: Context): Provider[] {
  return [
    ...(webhooks.sesTopics.length > 0 ? (['ses'] as const) : []),
    ...(webhooks.postmarkLogin === null ? [] : (['postmark'] as const)),
    ...(webhooks.mailgunKey === null ? [] : (['mailgun'] as const)),
    ...(webhooks.sendgridKey === null ? [] : (['sendgrid'] as const)),
  ];
}

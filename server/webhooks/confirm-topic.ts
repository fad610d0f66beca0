import { Refusal } from '../errors.js';
import { OutboundError, type Outbound } from '../outbound.js';
import { snsHost, type SnsMessage } from './sns.js';

const MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 10_000;

/**
 * Confirms the subscription of a topic that was set, by the call that SNS documents, on the server of the topic's own region. The SubscribeURL in the message is
 * never followed (T13). Throws `not-now` when SNS does not take it: it asks again.
 */
export async function confirmTopic(
  outbound: Outbound,
  message: Extract<SnsMessage, { Type: 'SubscriptionConfirmation' | 'UnsubscribeConfirmation' }>,
): Promise<void> {
  const call = new URLSearchParams({
    Action: 'ConfirmSubscription',
    Version: '2010-03-31',
    TopicArn: message.TopicArn,
    Token: message.Token,
  });
  const url = `https://${snsHost(message.TopicArn) ?? ''}/`;
  try {
    const { status } = await outbound({
      ...{ url, type: 'application/x-www-form-urlencoded', body: call.toString() },
      ...{ maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS },
    });
    if (status !== 200) throw new Refusal('not-now', `SNS answers ${status} to the confirmation.`);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw new Refusal('not-now', 'SNS cannot be reached to confirm.', {}, { cause: error });
  }
}

import type { ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { prepareFinished, type ReadyMessage } from './message.js';
import { prepareMail, type CampaignContent, type CampaignSkeleton, type Variant } from './prepare.js';

/** What is filled for each recipient: a mail of ours, or somebody's finished message. */
export type ReadyMail = CampaignSkeleton | ReadyMessage;

/** The mail of all recipients of one variant, made ready once. Throws as `prepareMail` and `prepareFinished`. */
export function makeReady(
  ctx: Pick<Context, 'publicUrl' | 'keyring'>,
  list: ListFacts,
  content: CampaignContent,
  variant: Variant,
): ReadyMail {
  const { message } = content;
  return message
    ? prepareFinished(ctx, list, { ...content, message }, variant)
    : prepareMail(ctx, list, content, variant);
}

import type { ListFacts } from '../consent/catalogue.js';
import { headerValue, readHeaders } from '../mail/read-mail.js';
import type { CampaignContent } from './prepare.js';

/** Who a campaign says that it is from: the organisation, or whom a finished message names in one of its domains. */
export function shownFrom(
  { organisation }: ListFacts,
  { message }: Pick<CampaignContent, 'message'>,
): { readonly name: string; readonly address: string } {
  const from = message ? headerValue(readHeaders(Buffer.from(message, 'latin1')), 'from') : '';
  const [, name = '', address = from] = /^\s*"?(.*?)"?\s*<([^<>]*)>/.exec(from) ?? [];
  if (from === '') return { name: organisation.name, address: organisation.fromAddress };
  return { name: name === '' ? address : name, address };
}

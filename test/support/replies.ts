import { DEMO } from '../../server/tour/demo.js';
import type { ReceivedMail } from './service.js';

export const INBOUND = 'in.bookshop.example';

/** The demo, where `news` takes answers that confirm and `readings` does not. */
export function withReplies(): typeof DEMO {
  const set = structuredClone(DEMO);
  set.organisation.inboundDomain = INBOUND;
  for (const list of set.lists) list.confirmByReply = list.slug === 'news';
  return set;
}

/** The address for answers of a mail; empty when it has none. */
export function answerAddress({ parsed }: Pick<ReceivedMail, 'parsed'>): string {
  return parsed.replyTo?.value[0]?.address ?? '';
}

/** Its text as a mail program quotes it. */
export function quoted({ parsed }: Pick<ReceivedMail, 'parsed'>): string {
  return (parsed.text ?? '').replace(/^/gm, '> ');
}

import type { ReceiptEvent } from '../ledger/receipt.js';
import type { HandoffEvidence } from '../ledger/evidence.js';
import type { Site } from '../web/http.js';
import { formatDate, formatExact, languageNames, translate } from '../web/i18n.js';
import type { ReceiptAct } from '../web/pages.js';

/** In which language and zone a receipt is read. */
export interface Reading {
  readonly site: Pick<Site, 'catalogs'>;
  readonly language: string;
  readonly zone: string;
}

type Fact = ReceiptAct['facts'][number];

/** An event as one act of the receipt's page; null: it is none. `handoff`: what became of the mail, which the confirmation knows. */
export function receiptAct(
  reading: Reading,
  event: ReceiptEvent,
  handoff: HandoffEvidence | undefined,
): ReceiptAct | null {
  const kind = kindOf(event);
  if (!kind) return null;
  const { record, fields } = event;
  const facts: (Fact | null)[] = [
    fact('form', record.form?.url),
    fact('saidAt', record.said_at && saidWhen(reading, record.said_at)),
    ...(record.kind === 'offered' ? mailFacts(reading, event, handoff) : []),
    ...confirmFacts(reading, event),
    fact('ip', fields.ip?.value),
    ...browserFacts(fields.user_agent?.value),
    fact('channel', record.withdrawal && channelName(reading, record.withdrawal.channel)),
    fact('cause', record.kind === 'requested' ? undefined : record.cause),
  ];
  return {
    ...{ kind, at: new Date(record.happened_at), facts: facts.filter((one) => one !== null) },
    hidesConnection: record.kind === 'requested' && record.fields?.ip !== undefined && fields.ip === undefined,
  };
}

function kindOf({ record }: ReceiptEvent): ReceiptAct['kind'] | null {
  switch (record.kind) {
    case 'requested':
      if (record.collection_method === 'phone') return 'requestedByPhone';
      return record.collection_method === 'paper' ? 'requestedOnPaper' : 'requested';
    case 'confirmed':
      return record.confirm?.method === 'reply' ? 'confirmedByReply' : 'confirmed';
    case 'changed-address':
      return 'changedAddress';
    case 'offered':
    case 'withdrawn':
    case 'renewed':
      return record.kind;
    default:
      return null;
  }
}

function mailFacts(
  reading: Reading,
  { record, fields }: ReceiptEvent,
  handoff: HandoffEvidence | undefined,
): (Fact | null)[] {
  return [
    fact('to', fields.address?.value),
    fact('messageId', record.mail?.message_id),
    fact('until', record.token && when(reading, record.token.expires_at)),
    fact('takenAt', handoff && when(reading, handoff.at)),
    fact('takenBy', handoff?.taken_by),
    fact('reply', handoff?.reply),
  ];
}

function confirmFacts({ language }: Reading, { record }: ReceiptEvent): (Fact | null)[] {
  const { confirm, automation_signals: signals } = record;
  if (!confirm) return [];
  if (confirm.method === 'reply') return [fact('word', confirm.word), fact('signedBy', confirm.dkim.domain)];
  return [
    fact('language', confirm.language && languageNames([confirm.language])[0]?.name),
    fact('sinceMail', signals?.seconds_since_handoff?.toLocaleString(language)),
    fact('onPage', signals?.seconds_on_page.toLocaleString(language)),
    fact('fetches', signals?.page_fetches.toLocaleString(language)),
  ];
}

/** What `agentOf` keeps: the browser, and below it the languages that it asks for. */
function browserFacts(value: string | undefined): (Fact | null)[] {
  const [agent, languages] = value?.split('\naccept-language: ') ?? [];
  return [fact('agent', agent), fact('languages', languages)];
}

// Of a paper only the day may be known.
function saidWhen(reading: Reading, said: string): string {
  return said.length === 10 ? formatDate(reading.language, new Date(`${said}T12:00:00Z`), 'UTC') : when(reading, said);
}

function channelName({ site, language }: Reading, channel: string): string {
  const key = `channel.${channel}`;
  return site.catalogs.get(language)?.has(key) === true ? translate(site.catalogs, language, key) : channel;
}

function when({ language, zone }: Reading, time: string): string {
  return formatExact(language, new Date(time), zone);
}

function fact(key: string, value: string | undefined): Fact | null {
  return value === undefined || value === '' ? null : { key, value };
}

import { reasonInWords, saysThereIsNone, type BounceReason } from './bounce-words.js';

/** What becomes of an address, or of us, after a report. */
export type BounceAction = 'hard' | 'soft' | 'policy' | 'delayed' | 'delivered' | 'none';

/** What a report or a server says of one recipient. */
export interface Said {
  /** RFC 3464 2.3.3 in lower case; empty: nothing is said. */
  readonly action: string;
  /** RFC 3463: `5.1.1`; null: none. */
  readonly status: string | null;
  /** What the refusing server said. */
  readonly diagnostic: string;
  /** What a program wrote for people around it. */
  readonly text: string;
  /** The command that was refused; null: nobody says. */
  readonly command: string | null;
}

/** M-37: what it is, with the reason and the status that tells most. */
export interface Judgement {
  readonly action: BounceAction;
  readonly reason: BounceReason | 'delivered' | 'delayed';
  readonly status: string | null;
}

/** Hard: the address is none. Policy: we or our mail are refused, which is never the person's. All else is soft. */
const HARD: readonly BounceReason[] = ['user-unknown', 'host-unknown', 'moved', 'no-mail-taken'];
const POLICY: readonly BounceReason[] = [
  ...(['too-large', 'spam', 'virus', 'content', 'blocked', 'reverse-dns'] as const),
  ...(['authentication', 'encryption', 'sender', 'rate', 'policy'] as const),
];

/** Judges what is said of one recipient. Only what lasts, and speaks of the address itself, is hard. */
export function judge(said: Said): Judgement {
  const status = tellingStatus(said);
  const as = (action: BounceAction, reason: Judgement['reason']): Judgement => ({ action, reason, status });
  if (/^(?:delivered|deliverable|relayed|expanded)/.test(said.action)) return as('delivered', 'delivered');
  if (said.action.startsWith('delayed')) return as('delayed', 'delayed');
  const reason = reasonOf(said, status);
  // M-37: the mailbox is shut. That it is shut to us alone, or for a while, would be said.
  if (reason === 'mailbox-disabled' && status === '5.2.1') return as('hard', reason);
  if (HARD.includes(reason)) return isLasting(said, status) ? as('hard', reason) : as('soft', reason);
  return as(POLICY.includes(reason) ? 'policy' : 'soft', reason);
}

function reasonOf(said: Said, status: string | null): BounceReason {
  if (LOCAL_TROUBLE.test(said.diagnostic)) return 'system';
  // What one large provider says of all who are not in its directory.
  if (status === '5.4.1' && /recipient address rejected: access denied/i.test(said.diagnostic)) return 'user-unknown';
  const spoken = reasonInWords(said.diagnostic);
  const coded = status === null ? null : reasonOfStatus(status);
  if (spoken === null) return coded ?? reasonAround(said, status);
  // A status for the address says more than the words beside it, unless they name another trouble.
  if (coded === 'user-unknown') return WEAK.includes(spoken) ? coded : spoken;
  if (spoken === 'user-unknown') return isOfAddress(said, status, said.diagnostic) ? spoken : 'filtered';
  return WEAK.includes(spoken) && coded !== null ? coded : spoken;
}

/** Words that go with everything. */
const WEAK: readonly BounceReason[] = ['policy', 'system', 'mailbox-disabled', 'filtered', 'content'];

/** The program that puts mail into mailboxes fails: whatever it is that it did not find. */
const LOCAL_TROUBLE =
  /procmail:|(?:could|can)(?: ?n[o']t|not| not) (?:create|open|write)|unable to (?:create|open|write)/i;

function reasonAround(said: Said, status: string | null): BounceReason {
  const told = reasonInWords(said.text);
  if (told === 'user-unknown' && !isOfAddress(said, status, said.text)) return 'filtered';
  return told ?? 'undefined';
}

// Who took the recipient and refuses the message later filters: it says nothing of the address.
function isOfAddress({ command }: Said, status: string | null, words: string): boolean {
  if (command === 'RCPT' || (status !== null && /^5\.1\./.test(status))) return true;
  if (saysThereIsNone(words)) return true;
  // Where a server puts the address before its words, it answers RCPT.
  return command === null && /^5\d\d[ -](?:5\.\S+ )?<[^>]{1,320}>: /.test(words);
}

/** 5xx, or a failure of which nobody says that it is only for now. */
function isLasting({ diagnostic }: Said, status: string | null): boolean {
  if (status !== null) return status.startsWith('5');
  return !/^\W*4\d\d\b/.test(diagnostic);
}

/** The status that says most: a server quotes the one of the server behind it, and its own may say only "failed". */
function tellingStatus({ status, diagnostic, text }: Said): string | null {
  const all = [...statusesIn(diagnostic).reverse(), ...(status === null ? [] : [status])];
  const found = all.find(isTelling) ?? (status === null ? statusesIn(text).find(isTelling) : undefined);
  return found ?? all[0] ?? statusesIn(text)[0] ?? null;
}

function isTelling(status: string): boolean {
  return !/^[245]\.0\.0$/.test(status);
}

/** Statuses of RFC 3463 in a text; parts of addresses of hosts are none. At most 20. */
export function statusesIn(text: string): string[] {
  const found = text.slice(0, MAX_TEXT).matchAll(/(?<![\w.])[245]\.[0-7]\.\d{1,3}(?!\d|\.\d)/g);
  return [...found].slice(0, 20).map(([status]) => status);
}

const MAX_TEXT = 10_000;

const OF_STATUS: readonly (readonly [RegExp, BounceReason])[] = [
  [/^4\.7\./, 'policy'],
  [/^4\.4\.7$/, 'expired'],
  [/^4\.4\./, 'network'],
  [/^[45]\.2\.2$/, 'mailbox-full'],
  [/^4\./, 'system'],
  [/^5\.1\.(?:1|10|351)$/, 'user-unknown'],
  [/^5\.1\.2$/, 'host-unknown'],
  [/^5\.1\.6$/, 'moved'],
  [/^5\.1\.[78]$/, 'sender'],
  [/^5\.2\.1$/, 'mailbox-disabled'],
  [/^5\.2\.0$/, 'filtered'],
  [/^5\.(?:2\.3|3\.4)$/, 'too-large'],
  [/^5\.4\.4$/, 'host-unknown'],
  [/^5\.4\./, 'network'],
  [/^5\.6\./, 'content'],
  [/^5\.7\./, 'policy'],
];

function reasonOfStatus(status: string): BounceReason | null {
  return OF_STATUS.find(([pattern]) => pattern.test(status))?.[1] ?? null;
}

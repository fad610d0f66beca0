/** What a program wrote before the mail that came back. */
export interface Told {
  /** Without the mail that came back. */
  readonly text: string;
  /** The command that was refused; null: nobody says. */
  readonly command: string | null;
}

/** With which lines the mail that came back begins, where it is no part of its own. */
const RETURNED = [
  /^[-_=* ]{3,}[^\n]{0,30}\b(?:original|returned|copy|copie|headers?|unsent|undelivered|forwarded|message follows|mail follows)\b[^\n]{0,80}$/im,
  /^[ \t>]*(?:below this line|(?:the )?original (?:message|mail) (?:follows|is below|headers|attached)|undelivered message|unsent message below|message headers? follow|bounced e-?mail:|your (?:original )?(?:message|mail) (?:follows|reads)\b|returned message)[^\n]{0,80}$/im,
  /^(?:Received: (?:from|by|\(|with)|Return-Path: ?<|DKIM-Signature: )/m,
];

/** Cuts off what came back, and finds the command that was refused. */
export function readTold(text: string): Told {
  const starts = RETURNED.map((pattern) => text.search(pattern)).filter((at) => at > 0);
  const own = text.slice(0, Math.min(text.length, ...starts));
  return { text: own, command: commandIn(own) };
}

const COMMAND =
  /in reply to (?:the )?(?:end of )?(rcpt|data|mail|helo|ehlo)\b|(?:>>>|after|during|in response to|while sending|response to)[ :]{0,3}(?:(?:end of|initial|the|pipelined) ){0,2}(rcpt|data|mail|helo|ehlo)\b|\b(rcpt|mail) (?:to|from)\b/gi;

/** The last command that a text says was refused. */
export function commandIn(text: string): string | null {
  const last = [...text.matchAll(COMMAND)].at(-1);
  return last ? (last[1] ?? last[2] ?? last[3] ?? '').toUpperCase() : null;
}

/** What a text says of one of several recipients: from where it is named until another is. */
export function passageOn(text: string, address: string, others: readonly string[]): string {
  const start = text.indexOf(address);
  if (address === '' || start === -1) return '';
  const from = start + address.length;
  const ends = others.filter((other) => other !== address).map((other) => text.indexOf(other, from));
  return text.slice(from, Math.min(text.length, from + 2_000, ...ends.filter((at) => at !== -1)));
}

const MAX_RECIPIENTS = 100;

/** Addresses that a text names. At most 100, in lower-case domain, each once. */
export function addressesIn(text: string): string[] {
  const found = text.matchAll(/(?<![\w.+/=-])[\w.!#$%&'*+/=?^{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,200}[a-z0-9])?/gi);
  return [...new Set([...found].map(([address]) => address.replace(/^'+|^mailto:/i, '')))].slice(0, MAX_RECIPIENTS);
}

import { isAscii } from 'node:buffer';
import type { SmtpConnection } from './smtp-connection.js';
import type { SmtpMail, SmtpOutcome } from './smtp-transaction.js';

/** A mail as a server of these abilities takes it: the commands before its message, and the message. */
export interface Planned {
  readonly commands: readonly string[];
  readonly message: readonly Buffer[];
}

/** What is to be said and sent on this connection, or why that cannot be. */
export async function planMail(connection: SmtpConnection, mail: SmtpMail): Promise<Planned | SmtpOutcome> {
  return planAsItIs(connection, mail) ?? (await planInAscii(connection, mail));
}

/** The same of a mail that needs no change; null of others. */
export function planAsItIs(connection: SmtpConnection, mail: SmtpMail): Planned | SmtpOutcome | null {
  const message = Array.isArray(mail.message) ? mail.message : [mail.message];
  const is7Bit = message.every(isAscii);
  return is7Bit || connection.extensions.has('8BITMIME') ? plan(connection, mail, message, is7Bit) : null;
}

/** RFC 6152 3: 8-bit bytes go only where they are wanted, since a server that changes them breaks our signature (F-17). */
async function planInAscii(connection: SmtpConnection, mail: SmtpMail): Promise<Planned | SmtpOutcome> {
  const why = 'the mail has bytes outside ASCII, and the mail server does not offer 8BITMIME';
  try {
    const inAscii = await mail.sevenBit?.();
    if (inAscii) return plan(connection, mail, inAscii, true);
    return { kind: 'refused', code: 554, enhanced: '5.6.3', reply: `554 5.6.3 ${why}`, command: 'DATA' };
  } catch {
    return { kind: 'deferred', code: 451, reply: `451 4.6.3 ${why}` };
  }
}

function plan(
  { extensions, needsReset }: SmtpConnection,
  { from, to }: SmtpMail,
  message: readonly Buffer[],
  is7Bit: boolean,
): Planned | SmtpOutcome {
  const reason = (enhanced: string, reply: string) =>
    ({ kind: 'refused', code: 553, enhanced, reply, command: 'RCPT' }) as const;
  if (![from, to].every(isSafePath) || to === '') return reason('5.1.3', 'The address cannot be written in SMTP.');
  const international = !/^[\x00-\x7f]*$/.test(from + to);
  if (international && !extensions.has('SMTPUTF8')) {
    return reason('5.6.7', 'The address has letters outside ASCII, and the mail server does not offer SMTPUTF8.');
  }
  const size = message.reduce((sum, chunk) => sum + chunk.length, 0);
  const parameters = [
    extensions.has('SIZE') ? ` SIZE=${size}` : '',
    extensions.has('8BITMIME') && !is7Bit ? ' BODY=8BITMIME' : '',
    international ? ' SMTPUTF8' : '',
  ].join('');
  return {
    commands: [...(needsReset ? ['RSET'] : []), `MAIL FROM:<${from}>${parameters}`, `RCPT TO:<${to}>`, 'DATA'],
    message,
  };
}

// An address is written between angle brackets in a line of its own: nothing in it may end either.
function isSafePath(address: string): boolean {
  return address.length <= 320 && !/[\x00-\x20\x7f<>]/.test(address);
}

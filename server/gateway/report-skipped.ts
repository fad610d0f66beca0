import { randomBytes, randomUUID } from 'node:crypto';
import { linkAddress, textOf, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { domainsOf } from '../delivery/known-domains.js';
import { draw } from '../keys/draw.js';
import { hostOf } from '../links/urls.js';
import { domainOf, tryAddress, type Address } from '../mail/address.js';
import { dateField, field, formatHeaders, mailboxField, messageIdField, textField } from '../mail/headers.js';
import { encodeBytes } from '../mail/qp.js';
import type { Credential } from './credential.js';
import { takeTransactional } from './take-transactional.js';
import { reportWords } from './words.js';

/** A mail that was taken, and who does not get it. */
export interface Skipping {
  readonly credential: Credential;
  readonly list: ListFacts;
  /** Of the envelope. */
  readonly sender: string;
  readonly subject: string;
  readonly skipped: readonly Address[];
}

/**
 * Tells the sender by one mail who was skipped, as a delivery status notification (RFC 3464) that programs read too. Only to an address of the organisation's own
 * domains: nobody else is told, and nobody is written to because a stranger's address stood in an envelope.
 */
export async function reportSkipped(ctx: Context, skipping: Skipping): Promise<void> {
  const { credential, list, skipped } = skipping;
  const to = await addressee(ctx, skipping);
  if (!to || skipped.length === 0) return;
  const id = randomUUID();
  const raw = composeReport(ctx, skipping, { id, to });
  await takeTransactional(ctx, {
    mail: {
      ...{ id, organisationId: credential.organisationId, credentialId: credential.id, listId: null },
      ...{ bytes: raw.length, recipients: 1, refusal: null, skipped: { counts: {}, people: [] } },
      ...{ receivedAt: ctx.now(), key: draw(32), subject: subjectOf(skipping), raw },
    },
    // A report counts for nobody's cap.
    credential: { ...credential, dailyCap: null },
    organisation: list.organisation,
    people: [{ address: to, why: null, subscriberId: null, consentId: null }],
    record: null,
  });
}

async function addressee(ctx: Context, { sender, list }: Skipping): Promise<Address | null> {
  const address = tryAddress(sender);
  const isOurs = address && (await domainsOf(ctx, list.organisation)).includes(domainOf(address.normal));
  return isOurs ? address : null;
}

function subjectOf({ list, subject }: Skipping): string {
  return reportWords(list.organisation.language, 'subject', { subject });
}

function composeReport(ctx: Context, skipping: Skipping, { id, to }: { id: string; to: Address }): Buffer {
  const { list, subject, skipped } = skipping;
  const { organisation } = list;
  const { language } = organisation;
  const boundary = randomBytes(16).toString('hex');
  const head = formatHeaders([
    mailboxField('From', { name: organisation.name, address: organisation.fromAddress }),
    mailboxField('To', { address: `${to.local}@${to.domain}` }),
    textField('Subject', subjectOf(skipping)),
    dateField(ctx.now()),
    messageIdField(id, domainOf(organisation.fromAddress)),
    field('Auto-Submitted', 'auto-replied'),
    field('MIME-Version', '1.0'),
    field('Content-Type', `multipart/report; report-type=delivery-status; boundary="${boundary}"`),
  ]);
  const text = [
    reportWords(language, 'text', { subject, list: textOf(list, language).name }),
    skipped.map(({ given }) => given).join('\r\n'),
    reportWords(language, 'end'),
  ].join('\r\n\r\n');
  const status = [
    `Reporting-MTA: dns; ${hostOf(linkAddress(ctx, organisation)).replace(/:\d+$/, '')}`,
    ...skipped.filter(isAscii).map(({ local, domain }) => {
      return `Final-Recipient: rfc822; ${local}@${domain}\r\nAction: failed\r\nStatus: 5.7.1`;
    }),
  ].join('\r\n\r\n');
  const parts = [
    ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable', '', qp(text)],
    ['Content-Type: message/delivery-status', '', status],
  ];
  const body = parts.map((lines) => `--${boundary}\r\n${lines.join('\r\n')}\r\n`).join('');
  return Buffer.from(`${head}\r\n${body}--${boundary}--\r\n`);
}

function isAscii({ local }: Address): boolean {
  return /^[\x21-\x7e]*$/.test(local);
}

function qp(text: string): string {
  return encodeBytes(Buffer.from(text), '\r\n');
}

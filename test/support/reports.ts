/** A report about one recipient as RFC 3464 has it, with the line ends of a mail. */
export function deliveryReport(of: {
  readonly to?: string;
  readonly recipient?: string;
  readonly action?: string;
  readonly status?: string;
  readonly diagnostic?: string;
  readonly text?: string;
}): string {
  const { to = 'bounces@zgoda.example', recipient = 'ada@example.org', action = 'failed', status = '5.1.1' } = of;
  const { diagnostic = 'smtp; 550 5.1.1 User unknown', text = 'Your mail could not be delivered.' } = of;
  return lines([
    'From: Mail Delivery System <MAILER-DAEMON@mx.example.org>',
    `To: ${to}`,
    'Subject: Undelivered Mail Returned to Sender',
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="=_r"',
    '',
    '--=_r',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    text,
    '--=_r',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.org',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    `Action: ${action}`,
    `Status: ${status}`,
    `Diagnostic-Code: ${diagnostic}`,
    '',
    '--=_r',
    'Content-Type: text/rfc822-headers',
    '',
    'From: news@example.org',
    'Subject: News',
    '--=_r--',
  ]);
}

/** A complaint as RFC 5965 has it, whose recipient was taken out, as large providers do. */
export function abuseReport(of: { readonly type?: string; readonly returned?: string } = {}): string {
  return lines([
    'From: Feedback loop <fbl@provider.example>',
    'To: abuse@zgoda.example',
    'Subject: Complaint',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="=_f"',
    '',
    '--=_f',
    'Content-Type: text/plain',
    '',
    'This is an abuse report.',
    '--=_f',
    'Content-Type: message/feedback-report',
    '',
    `Feedback-Type: ${of.type ?? 'abuse'}`,
    'User-Agent: Provider/1.0',
    'Version: 1',
    'Original-Rcpt-To: redacted@provider.example',
    '',
    '--=_f',
    'Content-Type: message/rfc822',
    '',
    of.returned ?? 'From: news@example.org\r\nSubject: News\r\n\r\nHello',
    '--=_f--',
  ]);
}

/** Lines as a mail has them. */
export function lines(all: readonly string[]): string {
  return `${all.join('\r\n')}\r\n`;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { classify } from '../../server/mail/bounce.js';
import { abuseReport, deliveryReport, lines } from '../support/reports.js';
import { describeWithShared } from '../support/shared.js';

const ACTIONS = ['hard', 'soft', 'policy', 'delayed', 'delivered', 'none'];
const KINDS = ['bounce', 'complaint', 'autoreply', 'none'];

describe('a mail that came back', () => {
  it('is hard where the address is none, soft where it may work later, policy where we are refused', () => {
    for (const [status, diagnostic, action, reason] of [
      ['5.1.1', 'smtp; 550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown', 'hard', 'user-unknown'],
      ['5.1.10', 'smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found', 'hard', 'user-unknown'],
      ['5.2.1', 'smtp; 550 5.2.1 The email account that you tried to reach is disabled', 'hard', 'mailbox-disabled'],
      ['5.1.2', 'smtp; 550 Host unknown', 'hard', 'host-unknown'],
      ['5.4.4', 'X-Postfix; Host or domain name not found. Name service error', 'hard', 'host-unknown'],
      ['5.1.6', 'smtp; 551 5.1.6 The mailbox has moved', 'hard', 'moved'],
      ['5.2.2', 'smtp; 552 5.2.2 Mailbox full', 'soft', 'mailbox-full'],
      ['5.0.0', 'smtp; 550 5.2.2 over quota', 'soft', 'mailbox-full'],
      ['4.4.1', 'X-Postfix; connect to mx.example.org[192.0.2.1]:25: Connection timed out', 'soft', 'expired'],
      ['4.3.0', 'smtp; 450 4.3.0 Temporary failure', 'soft', 'system'],
      ['5.2.1', 'smtp; 550 5.2.1 The user is receiving mail at a rate that prevents more', 'soft', 'busy'],
      ['5.0.0', 'smtp; 550 5.7.1 Relay access denied', 'soft', 'relaying'],
      [
        '5.7.1',
        'smtp; 554 5.7.1 Service unavailable; client [192.0.2.9] blocked using zen.spamhaus.org',
        'policy',
        'blocked',
      ],
      ['5.7.26', 'smtp; 550 5.7.26 This mail is unauthenticated: DKIM did not pass', 'policy', 'authentication'],
      ['5.7.515', 'smtp; 550 5.7.515 Access denied, sending domain does not meet the level', 'policy', 'policy'],
      ['5.7.1', 'smtp; 550 5.7.1 Message rejected as spam', 'policy', 'spam'],
      ['5.7.25', 'smtp; 550 5.7.25 The IP address has no PTR record', 'policy', 'reverse-dns'],
      ['5.3.4', 'smtp; 552 5.3.4 Message size exceeds fixed limit', 'policy', 'too-large'],
      ['5.1.8', 'smtp; 553 5.1.8 Sender address rejected: Domain not found', 'policy', 'sender'],
      ['4.7.0', 'smtp; 421 4.7.0 Our system detected an unusual rate of mail', 'policy', 'rate'],
      ['5.0.0', 'smtp; 550 Something else', 'soft', 'undefined'],
    ] as const) {
      const verdict = classify(report({ status, diagnostic }));

      expect([verdict.kind, verdict.action, verdict.reason], diagnostic).to.deep.equal(['bounce', action, reason]);
    }
  });

  it('takes the status of the server that refused before that of the one that reports', () => {
    const verdict = classify(report({ status: '5.0.0', diagnostic: 'smtp; 550 5.2.2 <ada@example.org>... Full' }));

    expect(verdict.status).to.equal('5.2.2');
  });

  it('says nothing of the address where the recipient was taken and the message refused', () => {
    const refused = 'Unknown user ada@example.org';
    const said = (command: string) =>
      classify(report({ status: '5.0.0', diagnostic: `smtp; 550 ${refused} (in reply to ${command} command)` })).action;

    expect(said('RCPT TO')).to.equal('hard');
    expect(said('end of DATA')).to.equal('soft');
  });

  it('never is hard for a temporary status', () => {
    for (const status of ['4.1.1', '4.2.1', '4.4.4']) {
      const verdict = classify(report({ status, diagnostic: `smtp; 450 ${status} User unknown` }));
      expect(verdict.action, status).not.to.equal('hard');
    }
  });

  it('is delayed or delivered where it says so', () => {
    expect(classify(report({ action: 'delayed', status: '4.4.1' })).action).to.equal('delayed');
    for (const action of ['delivered', 'relayed', 'expanded'])
      expect(classify(report({ action, status: '2.0.0', diagnostic: 'smtp; 250 OK' })).action).to.equal('delivered');
  });

  it('names its recipients, and who was first meant before who was tried', () => {
    const raw = deliveryReport({}).replace(
      'Final-Recipient',
      'Original-Recipient: rfc822; Ada@Example.org\r\nFinal-Recipient',
    );

    expect(classify(Buffer.from(raw)).recipients).to.deep.equal(['Ada@Example.org']);
  });

  it('is read with each kind of line end, with a line of an mbox before it, and cut off anywhere after its report', () => {
    const raw = deliveryReport({});
    const cut = raw.slice(0, raw.indexOf('Content-Type: text/rfc822-headers'));
    for (const one of [raw.replace(/\r\n/g, '\n'), raw.replace(/\r\n/g, '\r'), `From daemon Mon\n${raw}`, cut])
      expect(classify(Buffer.from(one)).action).to.equal('hard');
  });

  it('is read from the words of programs that know no reports', () => {
    const qmail = lines([
      'From: MAILER-DAEMON@mx.example.net',
      'To: bounces@zgoda.example',
      'Subject: failure notice',
      '',
      'Hi. This is the qmail-send program at mx.example.net.',
      "I'm afraid I wasn't able to deliver your message to the following addresses.",
      "This is a permanent error; I've given up. Sorry it didn't work out.",
      '',
      '<ada@example.org>:',
      'Sorry, no mailbox here by that name. (#5.1.1)',
      '',
      '--- Below this line is a copy of the message.',
      '',
      'Subject: your mailbox is full of spam',
      'To: <ada@example.org>',
    ]);

    expect(classify(Buffer.from(qmail))).to.deep.equal({
      ...{ kind: 'bounce', action: 'hard', status: '5.1.1', reason: 'user-unknown' },
      recipients: ['ada@example.org'],
    });
    const delayed = qmail.replace(
      /Hi\.[^]*?\(#5\.1\.1\)/,
      'Delivery is delayed; attempts will continue for five days.',
    );
    expect(classify(Buffer.from(delayed)).action).to.equal('delayed');
  });

  it('is none where somebody writes about one', () => {
    const answer = lines([
      'From: Ada <ada@example.org>',
      'To: bounces@zgoda.example',
      'Subject: Re: your newsletter',
      '',
      'My mailbox was full, and 550 5.1.1 User unknown is what my friends got.',
    ]);

    expect(classify(Buffer.from(answer)).kind).to.equal('none');
    expect(classify(Buffer.from(`Auto-Submitted: auto-replied\r\n${answer}`)).kind).to.equal('autoreply');
    expect(classify(Buffer.from(answer.replace('Re: your newsletter', 'Out of office'))).kind).to.equal('autoreply');
    expect(classify(Buffer.from('')).kind).to.equal('none');
  });
});

describe('a complaint', () => {
  it('is one where a person pressed the button, and none where a program checked', () => {
    for (const [type, kind] of [
      ['abuse', 'complaint'],
      ['fraud', 'complaint'],
      ['opt-out', 'complaint'],
      ['other', 'complaint'],
      ['not-spam', 'none'],
      ['auth-failure', 'none'],
      ['virus', 'none'],
    ] as const) {
      const verdict = classify(Buffer.from(abuseReport({ type })));
      expect([verdict.kind, verdict.action, verdict.reason], type).to.deep.equal([kind, 'none', type]);
    }
  });
});

describe('hostile reports', () => {
  it('never throw, and say one of the known words', () => {
    const piece = fc.constantFrom(...PIECES);
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 40 })), { maxLength: 40 }), (pieces) => {
        const verdict = classify(Buffer.from(pieces.join(''), 'latin1'));

        expect(verdict.kind).to.be.oneOf(KINDS);
        expect(verdict.action).to.be.oneOf(ACTIONS);
        expect(verdict.recipients.length).to.be.at.most(100);
      }),
      { numRuns: 400 },
    );
  });

  it('of any size and shape are read in a bounded time', function () {
    // What takes longer than this in a test is a hang: nothing of it takes 200 ms here.
    this.timeout(30_000);
    const body = (text: string) =>
      Buffer.from(`From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\n${text}`);
    for (const text of [
      '-',
      'mailbox ',
      'user ',
      'a@',
      '5.1.1 ',
      ' ',
      'rejected your message ',
      '--- original ',
      '>>> ',
      '\r\n',
      '{',
    ]) {
      expect(classify(body(text.repeat(2_000_000 / text.length))).kind).to.be.oneOf(KINDS);
    }
    const deep = Array.from(
      { length: 200 },
      (_, at) => `Content-Type: multipart/report; boundary=b${at}\r\n\r\n--b${at}\r\n`,
    );
    expect(classify(Buffer.from(deep.join(''))).kind).to.equal('none');
  });
});

describeWithShared('reports that somebody broke', ['corpus', 'bounces'], function (folder) {
  this.timeout(60_000);

  it('never throw', () => {
    const files = readFileSync(join(folder, 'INDEX.tsv'), 'utf8')
      .split('\n')
      .flatMap((line) => (line.split('\t')[1] === 'message' ? [line.split('\t')[0] ?? ''] : []));
    const raws = files.filter((_, at) => at % 12 === 0).map((file) => readFileSync(join(folder, file)));
    fc.assert(
      fc.property(fc.nat(raws.length - 1), fc.nat(), fc.nat(), fc.constantFrom(...PIECES), (which, at, drop, piece) => {
        const raw = raws[which] ?? Buffer.alloc(0);
        const place = at % (raw.length + 1);
        const broken = Buffer.concat([raw.subarray(0, place), Buffer.from(piece), raw.subarray(place + (drop % 200))]);

        expect(classify(broken).kind).to.be.oneOf(KINDS);
      }),
      { numRuns: 600 },
    );
  });
});

const PIECES = [
  ...['From: MAILER-DAEMON@x.example\r\n', 'Subject: Undelivered\r\n', '\r\n', '\n\n', '\0', '--b\r\n', '--b--\r\n'],
  ...['Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n', 'Content-Type: message/delivery-status\r\n\r\n'],
  ...[
    'Content-Type: message/feedback-report\r\n\r\n',
    'Feedback-Type: abuse\r\n',
    'Action: failed\r\n',
    'Status: 5.1.1\r\n',
  ],
  ...['Final-Recipient: rfc822; <>@\r\n', 'Diagnostic-Code: smtp; 550 ', 'Content-Transfer-Encoding: base64\r\n'],
  ...['charset=utf-7', '=?utf-8?B?', '{"bounce":{"bouncedRecipients":[{}]}}', '{"complaint":', '--- original message'],
];

function report(of: Parameters<typeof deliveryReport>[0]): Buffer {
  return Buffer.from(deliveryReport(of));
}

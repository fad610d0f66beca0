import { expect } from 'chai';
import { ZodError } from 'zod';
import type { ProviderEvent } from '../../server/webhooks/provider-event.js';
import { readMailgun } from '../../server/webhooks/read-mailgun.js';
import { readPostmark } from '../../server/webhooks/read-postmark.js';
import { readSendGrid } from '../../server/webhooks/read-sendgrid.js';
import { readSes } from '../../server/webhooks/read-ses.js';

const ADA = 'ada@example.com';
const kindsOf = (events: readonly ProviderEvent[]): string[] =>
  events.map(({ kind, status }) => `${kind} ${status ?? '-'}`);

describe('what providers tell', () => {
  describe('Amazon SES', () => {
    const mail = {
      source: 'b+abc@in.example.org',
      destination: [ADA],
      messageId: '0001',
      timestamp: '2026-11-30T01:00:00.000Z',
    };
    const bounce = (bounceType: string, bounceSubType: string, more: object = {}) => ({
      notificationType: 'Bounce',
      mail,
      bounce: {
        ...{ bounceType, bounceSubType, feedbackId: 'f1', timestamp: '2026-11-30T01:02:03.000Z' },
        bouncedRecipients: [
          { emailAddress: ADA, action: 'failed', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 unknown', ...more },
        ],
      },
    });

    it('is read from notifications, with the mark in the envelope, and from events, with that in a tag', () => {
      const [told] = readSes(bounce('Permanent', 'NoEmail'));
      const [published] = readSes({
        bounce: bounce('Permanent', 'General').bounce,
        eventType: 'Bounce',
        mail: { ...mail, tags: { zgoda: ['xyz'], 'ses:source-ip': ['192.0.2.1'] } },
      });

      expect(told).to.deep.equal({
        ...{
          mark: 'b+abc@in.example.org',
          recipient: ADA,
          kind: 'hard',
          status: '5.1.1',
          said: 'smtp; 550 5.1.1 unknown',
        },
        happenedAt: new Date('2026-11-30T01:02:03Z'),
      });
      expect(published).to.include({ mark: 'xyz', kind: 'hard' });
      const headers = [{ name: 'X-SES-MESSAGE-TAGS', value: 'zgoda=abc2' }];
      expect(readSes({ ...bounce('Permanent', 'General'), mail: { ...mail, headers } })[0]?.mark).to.equal('abc2');
    });

    it('is hard for addresses only, policy for what is ours, and soft for the rest', () => {
      const kinds = [
        ['Permanent', 'Suppressed'],
        ['Permanent', 'OnAccountSuppressionList'],
        ['Permanent', 'SomethingNew'],
        ['Transient', 'MailboxFull'],
        ['Transient', 'ContentRejected'],
        ['Undetermined', 'Undetermined'],
      ].map(([type = '', sub = '']) => readSes(bounce(type, sub))[0]?.kind);

      expect(kinds).to.deep.equal(['hard', 'hard', 'policy', 'soft', 'policy', 'soft']);
    });

    it('takes complaints, and no praise', () => {
      const complaint = (complaintFeedbackType: string | null) => ({
        notificationType: 'Complaint',
        mail,
        complaint: {
          ...{ feedbackId: 'f2', timestamp: '2026-11-30T01:02:03.000Z', complaintFeedbackType },
          complainedRecipients: [{ emailAddress: ADA }, { emailAddress: 'boris@example.com' }],
        },
      });

      expect(readSes(complaint('abuse')).map(({ recipient, kind }) => `${recipient} ${kind}`)).to.deep.equal([
        'ada@example.com complaint',
        'boris@example.com complaint',
      ]);
      expect(readSes(complaint(null))).to.have.length(2);
      expect(readSes(complaint('not-spam'))).to.deep.equal([]);
    });

    it('passes over what is neither, and refuses what is only half', () => {
      expect(readSes({ notificationType: 'Delivery', mail })).to.deep.equal([]);
      expect(readSes({ eventType: 'Open' })).to.deep.equal([]);
      expect(() => readSes({ notificationType: 'Bounce', mail })).to.throw(ZodError);
    });
  });

  it('Postmark: the type says it, and the metadata whose mail it was', () => {
    const told = (Type: string, RecordType = 'Bounce') =>
      readPostmark({
        ...{ RecordType, ID: 42, Type, TypeCode: 1, MessageID: '883953f4', Email: ADA },
        ...{
          Details: 'smtp;550 5.1.1 The email account does not exist.',
          BouncedAt: '2026-11-30T01:02:03.1234567-05:00',
        },
        ...{ Metadata: { zgoda: 'xyz', other: 'x' }, Subject: 'Hello', From: 'letters@example.org' },
      });

    expect(told('HardBounce')[0]).to.include({ mark: 'xyz', recipient: ADA, kind: 'hard', status: '5.1.1' });
    expect(told('HardBounce')[0]?.happenedAt).to.deep.equal(new Date('2026-11-30T06:02:03.123Z'));
    expect(kindsOf(told('Transient'))).to.deep.equal(['soft 5.1.1']);
    expect(kindsOf(told('SpamNotification'))).to.deep.equal(['policy 5.1.1']);
    expect(told('SpamComplaint', 'SpamComplaint')[0]?.kind).to.equal('complaint');
    for (const type of ['AutoResponder', 'Unsubscribe', 'OpenRelayTest', 'constructor'])
      expect(told(type), type).to.deep.equal([]);
    expect(readPostmark({ RecordType: 'Delivery' })).to.deep.equal([]);
  });

  it('Mailgun: severity and reason say it, and the variables whose mail it was', () => {
    const told = (severity: string, reason: string, status: object = {}, event = 'failed') =>
      readMailgun({
        ...{
          event,
          id: 'G9Bn5sl1TC6nu79C8C0bwg',
          timestamp: 1_795_914_123.5,
          'log-level': 'error',
          severity,
          reason,
        },
        ...{ recipient: ADA, 'user-variables': { zgoda: 'xyz' }, 'delivery-status': { code: 550, ...status } },
      });

    expect(told('permanent', 'bounce', { message: '5.1.1 no such user' })[0]).to.deep.include({
      mark: 'xyz',
      recipient: ADA,
    });
    expect(kindsOf(told('permanent', 'bounce', { message: '5.1.1 no such user' }))).to.deep.equal(['hard 5.1.1']);
    expect(
      kindsOf(
        told('permanent', 'suppress-bounce', { code: 605, message: 'Not delivering to previously bounced address' }),
      ),
    ).to.deep.equal(['hard -']);
    expect(kindsOf(told('permanent', 'generic', { 'enhanced-code': '5.7.26' }))).to.deep.equal(['policy 5.7.26']);
    expect(kindsOf(told('permanent', 'old', { code: 602 }))).to.deep.equal(['soft -']);
    expect(kindsOf(told('temporary', 'generic', { code: 452 }))).to.deep.equal(['soft -']);
    expect(kindsOf(told('', '', {}, 'complained'))).to.deep.equal(['complaint -']);
    expect(told('permanent', 'suppress-unsubscribe', { code: 606 })).to.deep.equal([]);
    expect(told('', '', {}, 'delivered')).to.deep.equal([]);
  });

  it('SendGrid: a batch, of which only bounces, drops and complaints count', () => {
    const told = (event: string, more: object = {}) => ({
      ...{ event, sg_event_id: `id-${event}`, sg_message_id: 'm', email: ADA, timestamp: 1_795_914_123, zgoda: 'xyz' },
      ...more,
    });

    const events = readSendGrid([
      told('processed'),
      told('deferred', { response: '400 try again later' }),
      told('bounce', { type: 'bounce', status: '5.1.1', reason: '550 5.1.1 no such user' }),
      told('bounce', { type: 'blocked', status: '5.7.1', reason: '550 5.7.1 blocked' }),
      told('bounce', { type: 'blocked', status: '4.2.1' }),
      told('dropped', { reason: 'Bounced Address' }),
      told('dropped', { reason: 'Unsubscribed Address' }),
      told('spamreport'),
    ]);

    expect(kindsOf(events)).to.deep.equal(['hard 5.1.1', 'policy 5.7.1', 'soft 4.2.1', 'hard -', 'complaint -']);
    expect(events[0]).to.deep.include({ mark: 'xyz', recipient: ADA });
    expect(() => readSendGrid({ event: 'bounce' })).to.throw(ZodError);
    expect(() => readSendGrid([told('bounce', { email: 7 })])).to.throw(ZodError);
  });
});

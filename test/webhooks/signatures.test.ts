import { expect } from 'chai';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import {
  isLoggedIn,
  isSignedByMailgun,
  isSignedBySendGrid,
  readSendGridKey,
} from '../../server/webhooks/signatures.js';
import { certificateUrl, isSignedBySns, signedText, snsHost, type SnsMessage } from '../../server/webhooks/sns.js';

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:mail';

const NOTIFICATION: SnsMessage = {
  ...{ Type: 'Notification', MessageId: '22b80b92', TopicArn: TOPIC, Subject: 'My First Message' },
  ...{ Message: 'Hello world!', Timestamp: '2012-05-02T00:54:06.655Z', SignatureVersion: '2', Signature: '' },
  SigningCertURL: 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
};

describe('the signature of a provider', () => {
  describe('Amazon SNS', () => {
    it('covers the fields that the manual names, in its order, and no subject where there is none', () => {
      const { Subject, ...without } = NOTIFICATION;

      expect(Subject).to.be.a('string');
      expect(signedText(NOTIFICATION)).to.equal(
        `Message\nHello world!\nMessageId\n22b80b92\nSubject\nMy First Message\nTimestamp\n2012-05-02T00:54:06.655Z\nTopicArn\n${TOPIC}\nType\nNotification\n`,
      );
      expect(signedText(without)).to.match(/\nMessageId\n22b80b92\nTimestamp\n/);
    });

    it('covers address and token of a question to confirm', () => {
      const asked: SnsMessage = {
        ...NOTIFICATION,
        Type: 'SubscriptionConfirmation',
        SubscribeURL: 'https://x',
        Token: 't',
      };

      expect(signedText(asked)).to.match(
        /\nSubscribeURL\nhttps:\/\/x\nTimestamp\n[^\n]+\nToken\nt\nTopicArn\n[^\n]+\nType\nSubscriptionConfirmation\n$/,
      );
    });

    it('holds with SHA-256 only, for this text and this key', () => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const Signature = sign('sha256', Buffer.from(signedText(NOTIFICATION)), privateKey).toString('base64');
      const signed = { ...NOTIFICATION, Signature };
      const weak = sign('sha1', Buffer.from(signedText(NOTIFICATION)), privateKey).toString('base64');

      expect(isSignedBySns(signed, publicKey)).to.be.true;
      expect(isSignedBySns({ ...signed, Message: 'Hello world' }, publicKey)).to.be.false;
      expect(isSignedBySns({ ...signed, SignatureVersion: '1' }, publicKey)).to.be.false;
      expect(isSignedBySns({ ...signed, SignatureVersion: '1', Signature: weak }, publicKey)).to.be.false;
      expect(isSignedBySns(signed, generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)).to.be.false;
    });

    it('is checked with a certificate from SNS itself, in the region of the topic, and from nowhere else', () => {
      const at = (SigningCertURL: string): string | null => certificateUrl({ ...NOTIFICATION, SigningCertURL });

      expect(at(NOTIFICATION.SigningCertURL)).to.equal(NOTIFICATION.SigningCertURL);
      for (const url of [
        'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-f3.pem',
        'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3.pem',
        'https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-f3.pem',
        'https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-f3.pem',
        'https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-f3.pem',
        'https://a@sns.eu-west-1.amazonaws.com/SimpleNotificationService-f3.pem',
        'https://sns.eu-west-1.amazonaws.com/?Action=Publish&x=/SimpleNotificationService-f3.pem',
        'https://sns.eu-west-1.amazonaws.com/../bucket/SimpleNotificationService-f3.pem',
        'https://bucket.s3.amazonaws.com/SimpleNotificationService-f3.pem',
        '',
      ])
        expect(at(url), url).to.equal(null);
      expect(snsHost('arn:aws-cn:sns:cn-north-1:123456789012:mail')).to.equal('sns.cn-north-1.amazonaws.com.cn');
      expect(snsHost('arn:aws:sns:evil.example/:123456789012:mail')).to.equal(null);
    });
  });

  it('of SendGrid holds for the example of its libraries, and for nothing that differs', () => {
    const key = readSendGridKey(
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==',
    );
    const example = {
      timestamp: '1588788367',
      body: Buffer.from('{"category":"example_payload","event":"test_event","message_id":"message_id"}'),
      signature: 'MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0=',
    };

    expect(isSignedBySendGrid(example, key)).to.be.true;
    expect(isSignedBySendGrid({ ...example, timestamp: '1588788368' }, key)).to.be.false;
    expect(isSignedBySendGrid({ ...example, body: Buffer.concat([example.body, Buffer.from('\r\n')]) }, key)).to.be
      .false;
    expect(isSignedBySendGrid({ ...example, signature: '' }, key)).to.be.false;
    const { publicKey } = generateKeyPairSync('ed25519');
    expect(() => readSendGridKey(publicKey.export({ format: 'der', type: 'spki' }).toString('base64'))).to.throw(
      TypeError,
    );
  });

  it('of Mailgun is an HMAC in hexadecimal over time and token', () => {
    const signature = createHmac('sha256', 'key-0123456789abcdef').update('1770920772e0b54771').digest('hex');
    const signed = { timestamp: '1770920772', token: 'e0b54771', signature };

    expect(isSignedByMailgun(signed, 'key-0123456789abcdef')).to.be.true;
    expect(isSignedByMailgun(signed, 'key-0123456789abcdeF')).to.be.false;
    expect(isSignedByMailgun({ ...signed, token: 'e0b54772' }, 'key-0123456789abcdef')).to.be.false;
    expect(isSignedByMailgun({ ...signed, signature: '' }, 'key-0123456789abcdef')).to.be.false;
  });

  it('of Postmark is a name and a password', () => {
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

    expect(isLoggedIn(basic('postmark:a long password'), 'postmark:a long password')).to.be.true;
    for (const wrong of [
      undefined,
      '',
      'Basic',
      basic(''),
      basic('postmark:a long passwor'),
      'Bearer postmark:a long password',
    ])
      expect(isLoggedIn(wrong, 'postmark:a long password'), wrong).to.be.false;
  });
});

import { expect } from 'chai';
import { isAutomatic } from '../../server/mail/automatic.js';

describe('a mail that a program sent', () => {
  for (const [name, value] of [
    ['Auto-Submitted', 'auto-replied'],
    ['auto-submitted', 'Auto-Generated; owner=x'],
    ['Auto-Submitted', 'nothing'],
    ['Auto-Submitted', ''],
    ['Precedence', 'Bulk'],
    ['Precedence', 'auto_reply'],
    ['X-Autoreply', 'no'],
    ['X-Auto-Reply-From', 'a@b.example'],
    ['X-Autoresponder', '1'],
    ['X-Auto-Response-Suppress', 'OOF'],
    ['List-Id', '<a.b>'],
    ['List-Unsubscribe', '<https://a.example>'],
    ['Return-Path', '<>'],
    ['Content-Type', 'Multipart/Report; report-type=disposition-notification'],
  ] as const)
    it(`says so by ${name}: ${value}`, () => expect(isAutomatic([{ name, value }])).to.equal(true));

  for (const [name, value] of [
    ['Auto-Submitted', 'no'],
    ['Auto-Submitted', 'No (a person wrote it)'],
    ['Precedence', 'first-class'],
    ['Subject', 'Out of office: automatic reply'],
    ['Return-Path', '<ada@example.org>'],
    ['Content-Type', 'multipart/alternative'],
    ['constructor', 'x'],
    ['__proto__', 'x'],
  ] as const)
    it(`does not say so by ${name}: ${value}`, () => expect(isAutomatic([{ name, value }])).to.equal(false));
});

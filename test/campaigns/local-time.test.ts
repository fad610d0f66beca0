import { expect } from 'chai';
import fc from 'fast-check';
import { readLocalTime, toLocalTime } from '../../server/campaigns/local-time.js';
import { readStart } from '../../server/campaigns/start-time.js';

describe('A time by the clocks of a place', () => {
  const cases: [title: string, zone: string, text: string, kind: string, at: string, again?: string][] = [
    ['in winter', 'Europe/Warsaw', '2026-12-01T09:00', 'once', '2026-12-01T08:00:00.000Z'],
    ['in summer', 'Europe/Warsaw', '2026-07-01T09:00', 'once', '2026-07-01T07:00:00.000Z'],
    [
      'the minute before the clocks go forward',
      'Europe/Warsaw',
      '2027-03-28T01:59',
      'once',
      '2027-03-28T00:59:00.000Z',
    ],
    ['skipped, when they go forward', 'Europe/Warsaw', '2027-03-28T02:30', 'skipped', '2027-03-28T01:30:00.000Z'],
    ['the minute after', 'Europe/Warsaw', '2027-03-28T03:00', 'once', '2027-03-28T01:00:00.000Z'],
    [
      ...(['shown twice, when they go back', 'Europe/Warsaw', '2026-10-25T02:30', 'twice'] as const),
      ...(['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'] as const),
    ],
    ['once again at three', 'Europe/Warsaw', '2026-10-25T03:00', 'once', '2026-10-25T02:00:00.000Z'],
    [
      ...(['where they change by half an hour', 'Australia/Lord_Howe', '2026-04-05T01:45', 'twice'] as const),
      ...(['2026-04-04T14:45:00.000Z', '2026-04-04T15:15:00.000Z'] as const),
    ],
    ['west of Greenwich', 'America/New_York', '2027-03-14T02:30', 'skipped', '2027-03-14T07:30:00.000Z'],
    ['where they never change', 'UTC', '2026-10-25T02:30', 'once', '2026-10-25T02:30:00.000Z'],
  ];
  for (const [title, zone, text, kind, at, again] of cases) {
    it(`is understood ${title}: ${text} in ${zone}`, () => {
      const found = readLocalTime(text, zone);

      expect(found?.kind).to.equal(kind);
      expect(found?.at.toISOString()).to.equal(at);
      expect(found?.kind === 'twice' ? found.again.toISOString() : undefined).to.equal(again);
    });
  }

  it('is none that no calendar or clock shows', () => {
    for (const text of [
      '',
      'tomorrow',
      '2026-02-30T09:00',
      '2026-12-01',
      '2026-12-01T24:30',
      '2026-13-01T09:00',
      '0001-01-01T00:00',
    ])
      expect(readLocalTime(text, 'Europe/Warsaw'), text).to.equal(null);
  });

  it('leads back to the moment that the clocks showed, everywhere and always', () => {
    const zones = ['Europe/Warsaw', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia', 'UTC'];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: Date.UTC(2024, 0) / 60_000, max: Date.UTC(2034, 0) / 60_000 }),
        (zone, minute) => {
          const moment = minute * 60_000;
          const found = readLocalTime(toLocalTime(new Date(moment), zone), zone);
          const moments = found?.kind === 'twice' ? [found.at, found.again] : [found?.at];
          return found?.kind !== 'skipped' && moments.some((one) => one?.getTime() === moment);
        },
      ),
    );
  });

  it('may be typed on a command line, with an offset too', () => {
    expect(readStart('2026-12-01T09:00', 'Europe/Warsaw')).to.deep.equal({
      at: new Date('2026-12-01T08:00Z'),
      note: null,
    });
    expect(readStart('2026-12-01T09:00:00-05:00', 'Europe/Warsaw').at).to.deep.equal(new Date('2026-12-01T14:00Z'));
    expect(readStart('2026-10-25T02:30', 'Europe/Warsaw').note).to.contain('twice').and.to.contain('2026-10-25T00:30');
    expect(() => readStart('2027-03-28T02:30', 'Europe/Warsaw')).to.throw('skip 2027-03-28T02:30');
    expect(() => readStart('soon', 'Europe/Warsaw')).to.throw('no time such as');
  });
});

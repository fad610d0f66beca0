import { expect } from 'chai';
import { plotOf } from '../../server/campaigns/plot.js';

const place = (...values: number[]) => ({ label: 'x', values });

describe('a plot', () => {
  it('is as high as its highest place, in whole steps that people count in', () => {
    for (const [most, last] of [
      [1, 1],
      [7, 8],
      [100, 100],
      [1_234_567, 1_500_000],
    ] as const) {
      const { lines, bars } = plotOf({ places: [place(most)] });

      expect(lines.at(-1)?.value, String(most)).to.equal(last);
      expect(lines.length).to.be.within(2, 6);
      expect(bars[0]?.height).to.be.lessThan(180);
    }
  });

  it('stands series on each other and shows one of a million', () => {
    const { bars, base } = plotOf({ places: [place(1_000_000, 1, 0)] });

    expect(bars.map(({ series }) => series)).to.deep.equal([0, 1]);
    expect((bars[0]?.y ?? 0) + (bars[0]?.height ?? 0)).to.be.closeTo(base, 0.02);
    expect(bars[1]?.height).to.equal(1.5);
  });

  it('has no more labels than can be read, and stays within its sheet', () => {
    const { labels, bars, right } = plotOf({ places: Array.from({ length: 76 }, () => place(3)) });

    expect(labels.length).to.be.within(6, 8);
    expect(Math.max(...bars.map(({ x, width }) => x + width))).to.be.at.most(right);
  });

  it('says where a bar begins to stand for something longer, once there is such a bar', () => {
    const places = Array.from({ length: 60 }, () => place(3));
    const { border, bars } = plotOf({ places, longerFrom: 48 });

    expect(border?.x).to.be.lessThan(bars[48]?.x ?? 0);
    expect(border?.x).to.be.greaterThan((bars[47]?.x ?? 0) + (bars[47]?.width ?? 0));
    expect(plotOf({ places, longerFrom: 60 }).border).to.equal(null);
    expect(plotOf({ places }).border).to.equal(null);
  });

  it('draws nothing of nothing', () => {
    expect(plotOf({ places: [] }).bars).to.deep.equal([]);
    expect(plotOf({ places: [place(0)] }).bars).to.deep.equal([]);
  });
});

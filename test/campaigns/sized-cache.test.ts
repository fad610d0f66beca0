import { expect } from 'chai';
import { SizedCache } from '../../server/campaigns/sized-cache.js';

describe('What is kept by its size', () => {
  const counting = (): { cache: SizedCache<string>; made: string[]; of: (key: string) => Promise<string> } => {
    const made: string[] = [];
    const cache = new SizedCache<string>(10, ({ length }) => length);
    const of = async (key: string): Promise<string> =>
      cache.of(key, async () => {
        await Promise.resolve();
        made.push(key);
        return key;
      });
    return { cache, made, of };
  };

  it('is made once, however many ask for it at the same moment', async () => {
    const { made, of } = counting();

    const all = await Promise.all(Array.from({ length: 100 }, async () => of('aaaa')));
    await of('aaaa');

    expect(new Set(all)).to.deep.equal(new Set(['aaaa']));
    expect(made).to.deep.equal(['aaaa']);
  });

  it('makes room for others, whoever was asked for last stays', async () => {
    const { made, of } = counting();

    for (const key of ['aaaa', 'bbbb', 'aaaa', 'cccc', 'aaaa', 'bbbb']) await of(key);

    expect(made).to.deep.equal(['aaaa', 'bbbb', 'cccc', 'bbbb']);
  });

  it('does not remember what failed, or is too large', async () => {
    const { cache, made, of } = counting();
    const failed = await cache.of('aaaa', async () => Promise.reject(new Error('no'))).catch(() => 'failed');

    for (const key of ['aaaa', 'a long key', 'a very long key', 'a very long key', 'a long key']) await of(key);

    expect(failed).to.equal('failed');
    expect(made).to.deep.equal(['aaaa', 'a long key', 'a very long key', 'a very long key']);
  });
});

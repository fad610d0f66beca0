import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { hashOf } from '../../server/campaigns/content.js';
import { keepPictures } from '../../server/campaigns/keep-pictures.js';
import { renameSegment, saveSegment, segmentsOf } from '../../server/campaigns/segments.js';
import type { Picture } from '../../server/campaigns/prepare.js';
import { Refusal } from '../../server/errors.js';
import { bareCampaign } from '../support/campaigns.js';
import { makeFresh, type Fresh } from './fresh.js';

describe('two people at the same moment', () => {
  let fresh: Fresh;
  before(async () => {
    fresh = await makeFresh();
  });
  after(async () => fresh.drop());

  it('bring along the same pictures in another order', async () => {
    const { ctx } = fresh;
    const some = (): Picture[] =>
      [1, 2, 3, 4].map(() => {
        const body = randomBytes(100);
        return { type: 'image/png', sha256: hashOf(body), bytes: body.length, body };
      });

    for (let round = 0; round < 5; round += 1) {
      const pictures = some();
      await Promise.all(
        [pictures, [...pictures].reverse()].map(async (inOrder) => {
          const id = await bareCampaign(ctx);
          await ctx.db.transaction(async (tx) => keepPictures(tx, id, inOrder));
        }),
      );
    }

    const [counts] = await ctx.db.query(
      'select count(*)::int as kept, (select count(*)::int from campaign_picture) as shown from picture',
    );
    expect(counts).to.deep.equal({ kept: 20, shown: 40 });
  });

  it('keep a segment under the same name: one of them stands', async () => {
    const { ctx, listId } = fresh;
    const keep = async (language: string) =>
      saveSegment(ctx, { listId, name: 'Spring', filter: { languages: [language] } });

    await Promise.all(['pl', 'en', 'de', 'fr'].map(keep));

    expect((await segmentsOf(ctx, listId)).map(({ name }) => name)).to.deep.equal(['Spring']);
  });

  it('give two segments the same name: one of them is told', async () => {
    const { ctx, listId } = fresh;
    const made = await Promise.all(
      ['May', 'June'].map(async (name) => saveSegment(ctx, { listId, name, filter: { languages: ['pl'] } })),
    );

    const told = await Promise.allSettled(made.map(async ({ id }) => renameSegment(ctx, id, 'Summer')));

    const refused = told.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused.map((error) => error instanceof Refusal && error.code)).to.deep.equal(['body-invalid']);
  });
});

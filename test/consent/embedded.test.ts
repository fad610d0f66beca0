import { expect } from 'chai';
import { forgetCatalogue, listBySlug, wordingOf } from '../../server/consent/catalogue.js';
import { subscribe } from '../../server/consent/subscribe.js';
import { stopAll } from '../../server/consent/withdraw.js';
import type { Context } from '../../server/context.js';
import { decideSignUps } from '../../server/delivery/decide.js';
import { parseAddress } from '../../server/mail/address.js';
import { addPerson, makeFresh, type Fresh } from '../campaigns/fresh.js';

// On the embedded database everybody shares one session: whoever reads outside an open transaction waits for its end.
describe('with an old catalogue, inside a transaction', () => {
  let fresh: Fresh;
  let ctx: Context;

  before(async () => {
    fresh = await makeFresh();
    const { db } = fresh.ctx;
    ctx = {
      ...fresh.ctx,
      db: {
        ...db,
        transaction: async (work) =>
          db.transaction(async (tx) => {
            forgetCatalogue(ctx);
            return work(tx);
          }),
      },
    };
  });

  after(async () => fresh.drop());

  it('decides a sign-up', async () => {
    const list = await listBySlug(ctx, 'news');
    await subscribe(ctx, {
      ...{ list, wording: wordingOf(list, 'en'), language: 'en', address: parseAddress('ada@example.org') },
      ...{ formHost: 'example.org', source: 'form', ip: '192.0.2.1', userAgent: '' },
    });

    expect(await decideSignUps(ctx)).to.equal(1);
  }).timeout(10_000);

  it('stops all of a person, here one whose proof is gone', async () => {
    const { subscriberId } = await addPerson(fresh, 'boris@example.org');

    expect(await stopAll(ctx, subscriberId)).to.be.instanceOf(Date);
  }).timeout(10_000);
});

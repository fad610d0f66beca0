import { expect } from 'chai';
import { choosePlacement } from '../../server/campaigns/choose-placement.js';
import { changeDraft } from '../../server/campaigns/draft.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { releasedCampaigns } from '../../server/campaigns/released.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { Refusal } from '../../server/errors.js';
import { makeFresh, type Fresh } from './fresh.js';

const HTML = '<html><head><title>May</title></head><body><p>New books</p></body></html>';

describe('A draft', () => {
  let fresh: Fresh;
  before(async () => {
    fresh = await makeFresh();
  });
  after(async () => fresh.drop());

  const upload = async (): Promise<string> =>
    createCampaign(fresh.ctx, { list: 'news', fileName: 'may.html', source: Buffer.from(HTML) });

  it('can be given another subject, another text and settings, and goes out with them', async () => {
    const id = await upload();

    await changeDraft(fresh.ctx, id, {
      subject: ' June ',
      text: 'New books.\n',
      settings: { audience: { languages: ['pl'] } },
    });
    expect(await releaseCampaign(fresh.ctx, id)).to.equal(true);

    const released = (await releasedCampaigns(fresh.ctx, fresh.ctx.db, [id])).get(id);
    if (typeof released !== 'object') throw new Error('not released');
    expect(released.content).to.include({ subject: 'June', text: 'New books.\n' });
    expect(released.content.settings).to.deep.equal({ audience: { languages: ['pl'] } });
  });

  it('keeps a pace that one person sets while another chooses where its pictures are', async () => {
    const id = await upload();
    await changeDraft(fresh.ctx, id, { settings: { sending: { perSecond: 3 } } });

    let isChanged = false;
    const query: typeof fresh.ctx.db.query = async (sql, values) => {
      const rows = await fresh.ctx.db.query<never>(sql, values);
      // Somebody else is faster, whatever was read first.
      if (!isChanged) {
        isChanged = true;
        await changeDraft(fresh.ctx, id, { settings: { sending: { perSecond: 7 } } });
      }
      return rows;
    };
    const db = { ...fresh.ctx.db, query };
    await choosePlacement({ ...fresh.ctx, db }, id, 'hosted');

    const [row] = await fresh.ctx.db.query<{ settings: object }>('select settings from campaign where id = $1', [id]);
    expect(row?.settings).to.deep.equal({ sending: { perSecond: 7 }, pictures: 'hosted' });
  });

  it('keeps what it was when the change is refused', async () => {
    const id = await upload();

    expect(await codeOf(changeDraft(fresh.ctx, id, { subject: 'A\r\nBcc: x@example.org' }))).to.equal(
      'template-refused',
    );

    const [row] = await fresh.ctx.db.query<{ subject: string }>('select subject from campaign where id = $1', [id]);
    expect(row?.subject).to.equal('May');
  });

  it('is not changed any more once it was released', async () => {
    const id = await upload();
    await releaseCampaign(fresh.ctx, id);

    expect(await codeOf(changeDraft(fresh.ctx, id, { subject: 'Too late' }))).to.equal('campaign-state');
    expect(await releaseCampaign(fresh.ctx, id)).to.equal(false);
  });

  it('does not leave when somebody wrote settings into the database (T6)', async () => {
    const id = await upload();
    await fresh.ctx.db.query(`update campaign set settings = '{"audience":{"languages":["de"]}}' where id = $1`, [id]);

    expect(await codeOf(releaseCampaign(fresh.ctx, id))).to.equal('campaign-state');
    expect(await codeOf(changeDraft(fresh.ctx, id, { subject: 'Mine' }))).to.equal('campaign-state');
  });
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    return error instanceof Refusal ? error.code : 'another error';
  }
}

import { expect } from 'chai';
import { acceptTags } from '../../server/campaigns/accept-tags.js';
import { choosePlacement } from '../../server/campaigns/choose-placement.js';
import { changeDraft, openDraft } from '../../server/campaigns/draft.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { releasedCampaigns } from '../../server/campaigns/released.js';
import { changeText, formerText } from '../../server/campaigns/text-part.js';
import { unscheduleCampaign } from '../../server/campaigns/unschedule.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { clicksOf } from '../../server/campaigns/visits.js';
import type { Context } from '../../server/context.js';
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

    const rival = rivalOf(fresh.ctx, async () =>
      changeDraft(fresh.ctx, id, { settings: { sending: { perSecond: 7 } } }),
    );
    await choosePlacement(rival, id, 'hosted');

    const [row] = await fresh.ctx.db.query<{ settings: object }>('select settings from campaign where id = $1', [id]);
    expect(row?.settings).to.deep.equal({ sending: { perSecond: 7 }, pictures: 'hosted' });
  });

  it('has the HTML of whoever made it anew while another wrote its text, and the text of before comes with the same write', async () => {
    const source = Buffer.from(HTML.replace('New', '*|KIND|*'));
    const id = await createCampaign(fresh.ctx, { list: 'news', fileName: 'may.html', source, tags: 'propose' });
    const rival = rivalOf(fresh.ctx, async () =>
      acceptTags(fresh.ctx, id, new Map([['*|KIND|*', { as: 'text', text: 'Old' }]])),
    );

    await changeText(rival, id, { text: { text: 'By hand.' } });

    const { html, text } = await openDraft(fresh.ctx, id);
    expect(html).to.contain('Old books');
    expect(text).to.equal('By hand.\n');
    expect(await formerText(fresh.ctx, id)).to.contain('Old books');
  });

  it('keeps the text of before though the service dies right after the change', async () => {
    const id = await upload();
    let writes = 0;
    const query: Query = async (sql, values) => {
      writes += /^update/.test(sql) ? 1 : 0;
      if (writes > 1) throw new Error('killed');
      return fresh.ctx.db.query<never>(sql, values);
    };

    await changeText({ ...fresh.ctx, db: { ...fresh.ctx.db, query } }, id, { text: { text: 'By hand.' } }).catch(
      () => undefined,
    );

    expect(await formerText(fresh.ctx, id)).to.contain('New books');
  });

  it('keeps what it was when the change is refused', async () => {
    const id = await upload();

    expect(await codeOf(changeDraft(fresh.ctx, id, { subject: 'A\r\nBcc: x@example.org' }))).to.equal(
      'template-refused',
    );

    const [row] = await fresh.ctx.db.query<{ subject: string }>('select subject from campaign where id = $1', [id]);
    expect(row?.subject).to.equal('May');
  });

  it('that was scheduled and is one again goes out with its new links alone', async () => {
    const id = await upload();
    const at = new Date(fresh.ctx.now().getTime() + 3_600_000).toISOString();
    const text = (name: string): string => `https://shop.example/${name}\n`;
    await changeDraft(fresh.ctx, id, { text: text('a'), settings: { sending: { at }, tracking: 'aggregate' } });
    await releaseCampaign(fresh.ctx, id);

    await unscheduleCampaign(fresh.ctx, id, null);
    await changeDraft(fresh.ctx, id, { text: text('b') });
    await releaseCampaign(fresh.ctx, id);

    expect((await clicksOf(fresh.ctx, id)).map(({ url }) => url)).to.deep.equal(['https://shop.example/b']);
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

type Query = Context['db']['query'];

/** Somebody else is faster, whatever was read first. */
function rivalOf(ctx: Context, work: () => Promise<unknown>): Context {
  let isDone = false;
  const query: Query = async (sql, values) => {
    const rows = await ctx.db.query<never>(sql, values);
    if (!isDone) {
      isDone = true;
      await work();
    }
    return rows;
  };
  return { ...ctx, db: { ...ctx.db, query } };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    return error instanceof Refusal ? error.code : 'another error';
  }
}

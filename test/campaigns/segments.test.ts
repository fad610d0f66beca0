import { expect } from 'chai';
import { deleteSegment, renameSegment, saveSegment, segmentById, segmentsOf } from '../../server/campaigns/segments.js';
import { Refusal } from '../../server/errors.js';
import { askFor } from './asking.js';
import { makeFresh, type Fresh } from './fresh.js';

describe('A segment', () => {
  let fresh: Fresh;
  before(async () => {
    fresh = await makeFresh();
    await askFor(fresh, { topics: ['books'], attributes: ['city', 'illness!'] });
  });
  afterEach(async () => fresh.clear());
  after(async () => fresh.drop());

  const save = async (name: string, filter: object): Promise<{ id: string }> =>
    saveSegment(fresh.ctx, { listId: fresh.listId, name, filter });

  const names = async (): Promise<string[]> => (await segmentsOf(fresh.ctx, fresh.listId)).map(({ name }) => name);

  it('keeps a filter under a name, and takes the place of the one that had the name', async () => {
    await save(' Readers ', { topics: ['books'] });
    const { id } = await save('Readers', { topics: ['books'], attributes: { city: 'Łódź' } });

    expect(await names()).to.deep.equal(['Readers']);
    expect((await segmentById(fresh.ctx, id)).filter).to.deep.equal({
      topics: ['books'],
      attributes: { city: 'Łódź' },
    });
  });

  it('is renamed, but not to the name of another of its list', async () => {
    const { id } = await save('Readers', { topics: ['books'] });
    await save('Poles', { languages: ['pl'] });

    expect(await codeOf(renameSegment(fresh.ctx, id, 'Poles'))).to.equal('body-invalid');
    await renameSegment(fresh.ctx, id, 'Bookworms');

    expect(await names()).to.deep.equal(['Bookworms', 'Poles']);
    await deleteSegment(fresh.ctx, id);
    expect(await names()).to.deep.equal(['Poles']);
    expect(await codeOf(segmentById(fresh.ctx, id))).to.equal('not-found');
    expect(await codeOf(segmentById(fresh.ctx, 'no id'))).to.equal('not-found');
  });

  for (const [what, filter] of [
    ['a topic of another list', { topics: ['films'] }],
    ['something sensitive (T11)', { attributes: { illness: 'flu' } }],
    ['something else than filters do', { email: 'ada@example.org' }],
    ['no language at all', { languages: [] }],
    ['a control character', { languages: ['\0'] }],
    ['a lone surrogate', { attributes: { city: '\ud800' } }],
    ['a day that is none', { joinedAfter: '2026-02-30' }],
    ['days the wrong way round', { joinedAfter: '2026-03-01T00:00:00Z', joinedBefore: '2026-02-01T00:00:00Z' }],
  ] as const) {
    it(`asks for nothing that cannot be: ${what}`, async () => {
      expect(await codeOf(save('Wrong', filter))).to.equal('body-invalid');
      expect(await names()).to.deep.equal([]);
    });
  }

  it('needs a name of one line', async () => {
    for (const name of ['', '  ', 'a\nb', 'x'.repeat(101)])
      expect(await codeOf(save(name, { topics: ['books'] }))).to.equal('body-invalid');
  });

  it('that somebody wrote or changed in the database is offered to nobody (T6)', async () => {
    const { id } = await save('Readers', { topics: ['books'] });
    await save('Poles', { languages: ['pl'] });
    await fresh.ctx.db.query(`update segment set filter = '{}' where id = $1`, [id]);

    expect(await names()).to.deep.equal(['Poles']);
    expect(await codeOf(segmentById(fresh.ctx, id))).to.equal('not-found');
  });
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { expect } from 'chai';
import { campaignSend } from '../../server/campaigns/cli.js';
import { campaignResults } from '../../server/campaigns/results-cli.js';
import { saveSegment } from '../../server/campaigns/segments.js';
import { listBySlug } from '../../server/consent/catalogue.js';
import { setup } from '../../server/consent/setup.js';
import { DEMO } from '../../server/tour/demo.js';
import { startTestService, type TestService } from '../support/service.js';
import { one } from '../support/state.js';
import { join } from '../support/story.js';

describe('zgoda campaign send', () => {
  let service: TestService;
  let folder: string;

  before(async () => {
    service = await startTestService();
    folder = await mkdtemp(joinPath(tmpdir(), 'zgoda-campaign-'));
    for (const name of ['ada', 'boris', 'chen']) await join(service, `${name}@example.org`);
  });

  after(async () => {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (
    source: string | null,
    more: {
      list?: string;
      wait?: boolean;
      json?: boolean;
      subject?: string;
      preheader?: string;
      segment?: string;
      languages?: string[];
      tracking?: 'off' | 'aggregate' | 'agreed';
      name?: string;
    } = {},
  ): Promise<{ code: number; out: string; err: string }> => {
    const file = joinPath(folder, source === null ? 'missing.html' : (more.name ?? 'mail.html'));
    if (source !== null) await writeFile(file, source);
    let [out, err] = ['', ''];
    const code = await campaignSend(service.ctx, {
      ...{ file, list: 'news', wait: true, json: true, ...more },
      out: { write: (text) => (out += text) },
      err: { isTTY: true, write: (text) => (err += text) },
    });
    return { code, out, err };
  };

  it('sends, shows progress and ends with one line of JSON whose parts add up', async () => {
    const { code, out, err } = await run('<p>Hello</p>', { subject: 'Hello', preheader: 'Beside it' });

    expect(code).to.equal(0);
    const counts = JSON.parse(out) as Record<string, number | string>;
    expect(counts).to.include({ queued: 3, sent: 3, failed: 0, skipped: 0, deferred: 0, unknown: 0 });
    expect(Object.keys(counts)).to.deep.equal([
      'campaign',
      'queued',
      'sent',
      'failed',
      'skipped',
      'deferred',
      'unknown',
    ]);
    expect(err).to.contain('] 100%');
    const { parsed } = await service.mailTo('ada@example.org', 2);
    expect(parsed.subject).to.equal('Hello');
    expect(parsed.html).to.contain('>Beside it&#847;');
    expect(parsed.text).not.to.contain('Beside');
  });

  it('counts what it is told to count, and results say so', async () => {
    const sent = await run('<title>Links</title><a href="https://shop.example/">Shop</a>', { tracking: 'aggregate' });
    const { campaign } = JSON.parse(sent.out) as { campaign: string };
    const link = /http\S+\/k\/[\w-]+/.exec((await service.mailTo('ada@example.org')).parsed.text ?? '')?.[0] ?? '';

    await fetch(link, { redirect: 'manual' });
    let out = '';
    const write = (text: string): unknown => (out += text);
    await campaignResults(service.ctx, {
      ...{ id: campaign, format: 'sum', addresses: false, out: { write }, err: { write } },
    });

    expect(out.replace(/ +/g, ' ')).to.contain('sent 3\n').and.to.contain('tracking aggregate\nclicks 0\nprograms 1\n');
  });

  it('refuses to count what cannot be counted, before anything is uploaded, and says the way out', async () => {
    const [news] = DEMO.lists;
    const organisation = { ...DEMO.organisation, slug: 'shop', name: 'Shop', fromAddress: 'news@shop.example' };
    await setup(service.ctx, { organisation, lists: [{ ...news, slug: 'shop-news' }] });
    const campaigns = async (): Promise<number> => one(service.ctx, 'select count(*)::int from campaign');
    const before = await campaigns();

    const alone = await run('<title>A</title><p>B</p>', { tracking: 'agreed', list: 'shop-news' });
    const finished = await run('Subject: A\r\n\r\nB', { tracking: 'aggregate', name: 'a.eml' });

    expect(alone.code + finished.code).to.equal(2);
    expect(alone.err).to.contain('Shop has no tracking purpose').and.to.contain('zgoda setup');
    expect(finished.err).to.contain('Upload its HTML instead');
    expect(await campaigns()).to.equal(before);
  });

  it('queues and returns at once without --wait', async () => {
    const { code, out } = await run('<title>Second</title><p>Hello</p>', { wait: false, json: false });

    expect(code).to.equal(0);
    expect(out).to.match(/^campaign +[0-9a-f-]{36}\nqueued +3\n/);
  });

  it('sends to a segment only, and within it to some languages', async () => {
    const { id } = await listBySlug(service.ctx, 'news');
    await saveSegment(service.ctx, { listId: id, name: 'Early', filter: { joinedBefore: '2000-01-01T00:00:00Z' } });
    await saveSegment(service.ctx, { listId: id, name: 'Late', filter: { joinedAfter: '2000-01-01T00:00:00Z' } });
    const queued = async (more: { segment?: string; languages?: string[] }): Promise<unknown> => {
      const { out } = await run('<title>Part</title><p>Hello</p>', { wait: false, ...more });
      return (JSON.parse(out) as { queued: unknown }).queued;
    };

    expect(await queued({ segment: 'Early' })).to.equal(0);
    expect(await queued({ segment: 'Late' })).to.equal(3);
    expect(await queued({ segment: 'Late', languages: ['pl'] })).to.equal(0);
    expect(await queued({ languages: ['pl', 'en'] })).to.equal(3);
  });

  for (const [title, source, more, says] of [
    ['an unknown segment', '<p>Hello</p>', { segment: 'Lost', subject: 'x' }, 'There is Early, Late.'],
    ['an unknown list', '<p>Hello</p>', { list: 'nope', subject: 'x' }, 'no such list'],
    ['a missing file', null, { subject: 'x' }, 'cannot be read'],
    ['a merge tag that nothing fills', '<p>\n{{name}}</p>', { subject: 'x' }, 'Line 2: nothing fills "{{name}}"'],
    ['a mail without a visible footer', '<p>Hello</p><!--', { subject: 'x' }, 'footer would not be seen'],
    ['a file of 3 MB', 'a'.repeat(3_000_000), { subject: 'x' }, 'larger than 2 MB'],
  ] as const) {
    it(`says no to ${title}, and why`, async () => {
      const { code, out, err } = await run(source, more);

      expect([code, out]).to.deep.equal([1, '']);
      expect(err).to.contain(says);
    });
  }
});

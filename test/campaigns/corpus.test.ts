import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { simpleParser } from 'mailparser';
import { finishMail } from '../../server/campaigns/builder.js';
import { fillPersonal, personalLinks } from '../../server/campaigns/counted-links.js';
import { prepareMail } from '../../server/campaigns/prepare.js';
import { problemsOf, type Problem } from '../../server/campaigns/problem.js';
import { samplePerson } from '../../server/campaigns/sample.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { listBySlug } from '../../server/consent/catalogue.js';
import { Refusal } from '../../server/errors.js';
import { loadCampaign } from '../../server/staff/campaign.js';
import { openViewer } from '../mail/looks.js';
import { launchBrowser } from '../support/browser.js';
import { describeWithShared } from '../support/shared.js';
import { makeFresh, type Fresh } from './fresh.js';

/** Tags of the usual systems; none may go out. */
const TAG = /\*\||\|\*|\{\{|\}\}\}|<%=|\{%|\[UNSUBSCRIBE\]|[\ufdd0\ufdd1]/;

describeWithShared('Newsletters that others made', ['corpus', 'templates'], (folder) => {
  let fresh: Fresh;

  before(async () => {
    fresh = await makeFresh();
  });

  after(async () => fresh.drop());

  const mailOf = async (fileName: string, source: Buffer): Promise<Buffer> => {
    const id = await createCampaign(fresh.ctx, { list: 'news', subject: 'Hello', fileName, source, tags: 'accept' });
    const list = await listBySlug(fresh.ctx, 'news');
    // As it is for somebody who agreed to tracking: no other copy is changed as much.
    const skeleton = prepareMail(fresh.ctx, list, await loadCampaign(fresh.ctx, id), {
      ...{ language: 'en', why: 'confirmed', links: personalLinks(fresh.ctx, list) },
    });
    const recipient = samplePerson(fresh.ctx, 'ada@example.org');
    const counted = { campaignId: id, consentId: randomUUID() };
    const names = new Set(skeleton.slots.map(({ name }) => name));
    const holes = fillPersonal(fresh.ctx, list, counted, names);
    return finishMail(fresh.ctx, list.organisation, skeleton, { recipient, language: 'en', messageId: 'm1', holes });
  };

  it('become a valid mail with both parts and the way out, or are refused with a reason to act on', async function () {
    const viewer = await launchBrowser().then(async (browser) =>
      browser ? { browser, view: await openViewer(browser) } : null,
    );
    const refused: string[] = [];
    const problems = new Map<string, number>();
    let [mails, seen] = [0, 0];
    for (const path of pathsIn(folder)) {
      const source = readFileSync(join(folder, path));
      const answer = await mailOf(basename(path), source).catch(refusal);
      if (!Buffer.isBuffer(answer)) {
        const [first] = answer;
        problems.set(first?.reason ?? '', (problems.get(first?.reason ?? '') ?? 0) + 1);
        refused.push(`${path} ${first?.line ?? ''} ${first?.reason}: ${first?.message.slice(0, 150)}`);
        continue;
      }
      mails += 1;
      const { html, text, subject } = await simpleParser(answer);
      expect(subject).to.equal('Hello');
      expect(text, path).to.match(/<https:\/\/consent\.example\.org\/u\/[\w-]+>/);
      expect(html, path).to.match(/href="https:\/\/consent\.example\.org\/u\/[\w-]+"/);
      // Some write about braces: in entities, or with a backslash before them.
      for (const part of /&#123;|\\\{\{/.test(source.toString()) ? [] : [String(html), text ?? '']) {
        expect(TAG.exec(part)?.[0], path).to.equal(undefined);
      }
      if (viewer && mails % 10 === 0) {
        const links = [...String(html).matchAll(/href="(https:\/\/consent\.example\.org\/[up]\/[\w-]+)"/g)].map(
          ([, url = '']) => url,
        );
        await viewer.view.show(String(html), { width: 600, scheme: 'light' });
        const faults = await viewer.view.faults(links.slice(-2));
        // Where the newsletter has both links itself, they are seen as its author drew them.
        const isOurs = String(html).includes('Unsubscribe from');
        expect(
          isOurs ? faults : faults.filter((fault) => !/^it is [\d.]+ by|no footer/.test(fault)),
          path,
        ).to.deep.equal([]);
        seen += 1;
      }
    }
    await viewer?.view.close();
    await viewer?.browser.close();

    const tally = [...problems].map(([reason, count]) => `${reason} ${count}`).join(', ');
    console.log(`      ${mails} became mails, ${seen} of them seen in Chromium; refused: ${tally}`);
    if (process.env['SHOW_REFUSED']) console.log(refused.join('\n'));
    expect(mails).to.be.greaterThan(145);
  }).timeout(900_000);
});

function pathsIn(folder: string): string[] {
  const rows = readFileSync(join(folder, 'INDEX.tsv'), 'utf8').trim().split('\n').slice(1);
  return rows.map((row) => row.split('\t')[0] ?? '');
}

function refusal(error: unknown): readonly Problem[] {
  if (!(error instanceof Refusal) || error.code !== 'template-refused') throw error;
  return problemsOf(error);
}

import { expect } from 'chai';
import { problemsOf, type Problem } from '../../server/campaigns/problem.js';
import { renderTemplate } from '../../server/campaigns/render.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import { Refusal } from '../../server/errors.js';
import { makeFresh, type Fresh } from './fresh.js';

const HTML = '<html><head><title>June &amp; July</title></head>\n<body><p>Żółw</p></body></html>';
const MJML = `<mjml>
  <mj-head><mj-title>Summer</mj-title></mj-head>
  <mj-body><mj-section><mj-column>
    <mj-text>Hello from {{organisation}}, <a href="{{unsubscribe_url}}">leave</a></mj-text>
  </mj-column></mj-section></mj-body>
</mjml>`;

describe('uploading a campaign', () => {
  let fresh: Fresh;

  before(async () => {
    fresh = await makeFresh();
  });

  after(async () => fresh.drop());

  const upload = async (fileName: string, source: string | Buffer, subject?: string): Promise<string> =>
    createCampaign(fresh.ctx, {
      list: 'news',
      fileName,
      source: Buffer.from(source),
      ...(subject === undefined ? {} : { subject }),
    });

  const refusal = async (work: Promise<unknown>): Promise<readonly Problem[]> => {
    const error: unknown = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Refusal);
    expect((error as Refusal).code).to.equal('template-refused');
    return problemsOf(error as Refusal);
  };

  it('keeps an HTML file as a draft, with its title as the subject', async () => {
    const id = await upload('C:\\mail\\june.html', HTML);

    const [row] = await fresh.ctx.db.query<{ subject: string; file_name: string; state: string; text: string }>(
      'select subject, file_name, state, text from campaign where id = $1',
      [id],
    );
    expect(row).to.include({ subject: 'June & July', file_name: 'june.html', state: 'draft', text: 'Żółw\n' });
  });

  it('compiles MJML, fetching no font from elsewhere, and keeps the placeholders', async () => {
    const rendered = await renderTemplate('summer.mjml', MJML);

    expect(rendered.format).to.equal('mjml');
    expect(rendered.title).to.equal('Summer');
    expect(rendered.html).to.contain('{{organisation}}').and.not.to.contain('fonts.googleapis');
    expect(rendered.text).to.contain('leave <{{unsubscribe_url}}>');
  });

  const hostile: [title: string, file: string, source: string | Buffer, reason: string, line: number | null][] = [
    [
      'an mj-include',
      'a.mjml',
      MJML.replace('<mj-text>', '\n<mj-include path="/etc/passwd" />\n<mj-text>'),
      'include',
      5,
    ],
    ['an unknown MJML element', 'a.mjml', MJML.replaceAll('mj-text', 'mj-words'), 'mjml', 4],
    ['an MJML file that is none', 'a.mjml', HTML, 'not-mjml', null],
    ['a comment that swallows the footer', 'a.html', '<body><p>Hello</p><!-- to be continued', 'footer', null],
    ['a file of 3 MB', 'a.html', Buffer.alloc(3_000_000, 'a'), 'too-large', null],
    ['a merge tag of another system', 'a.html', '<p>Hello\n*|FNAME|*</p>', 'placeholder', 2],
    ['an unknown placeholder', 'a.html', '<p>\n\n{{first_name}}</p>', 'placeholder', 3],
    ['a program', 'a.exe', HTML, 'unknown-format', null],
    ['plain words', 'a.html', 'hello', 'unknown-format', null],
    ['nothing to see', 'a.html', '<html><body> </body></html>', 'nothing-to-see', null],
    ['bytes that are no UTF-8', 'a.html', Buffer.from('<p>\xf3</p>', 'latin1'), 'not-utf8', null],
    ['a NUL', 'a.html', '<p>a</p>\n<p>\0</p>', 'controls', 2],
    ['a mark of a hole', 'a.html', '<p>\ufdd0confirmed_on\ufdd1</p>', 'controls', null],
  ];
  for (const [title, file, source, reason, line] of hostile) {
    it(`refuses ${title}, says why, and keeps nothing`, async () => {
      const before = await count();

      const [problem] = await refusal(upload(file, source, 'Hello'));

      expect(problem).to.include({ reason, line });
      expect(await count()).to.equal(before);
    });
  }

  it('reads a file of a million unclosed comments in no time', async () => {
    await refusal(upload('a.mjml', '<!--'.repeat(400_000), 'Hello'));
    await refusal(upload('a.mjml', '<!-- -->'.repeat(200_000), 'Hello'));
  }).timeout(3_000);

  for (const [title, subject, reason] of [
    ['a header in the subject', 'Hello\r\nBcc: everybody@example.org', 'subject-controls'],
    ['a direction override in the subject', 'Hello \u202eolleh', 'subject-controls'],
    ['a subject of 300 characters', 'a'.repeat(300), 'subject-long'],
    ['a placeholder in the subject that nothing fills', 'Hello {{name}}', 'placeholder'],
  ] as const) {
    it(`refuses ${title}`, async () => {
      const [problem] = await refusal(upload('a.html', HTML, subject));

      expect(problem?.reason).to.equal(reason);
    });
  }

  it('refuses a file without a title and no subject', async () => {
    const [problem] = await refusal(upload('a.html', '<p>Hello</p>'));

    expect(problem?.reason).to.equal('subject-missing');
  });

  async function count(): Promise<number> {
    const [row] = await fresh.ctx.db.query<{ n: number }>('select count(*)::int as n from campaign');
    return row?.n ?? 0;
  }
});

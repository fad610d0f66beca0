import { expect } from 'chai';
import { simpleParser, type ParsedMail } from 'mailparser';
import { acceptTags, tagsOf } from '../../server/campaigns/accept-tags.js';
import { finishMail, type Recipient } from '../../server/campaigns/builder.js';
import { shownPictures, showPictures, withPictures } from '../../server/campaigns/content.js';
import { changeDraft } from '../../server/campaigns/draft.js';
import { problemsOf, type Problem } from '../../server/campaigns/problem.js';
import { ownPreheader } from '../../server/campaigns/preheader.js';
import { makeReady } from '../../server/campaigns/ready.js';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { presentFields } from '../../server/campaigns/personal.js';
import { fieldsAskedBy } from '../../server/campaigns/prepare.js';
import { previewOf, samplePerson } from '../../server/campaigns/sample.js';
import { changeText } from '../../server/campaigns/text-part.js';
import { createCampaign, type NewCampaign } from '../../server/campaigns/upload.js';
import { listBySlug } from '../../server/consent/catalogue.js';
import { Refusal } from '../../server/errors.js';
import { loadCampaign } from '../../server/staff/campaign.js';
import { makeZip, type ZipEntry } from '../support/zip.js';
import { makeFresh, type Fresh } from './fresh.js';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const UNSUBSCRIBE = /https:\/\/consent\.example\.org\/u\/[\w-]+/;

describe('the formats of a campaign', () => {
  let fresh: Fresh;

  before(async () => {
    fresh = await makeFresh();
  });

  after(async () => fresh.drop());

  const upload = async (fileName: string, source: string | Buffer, more: Partial<NewCampaign> = {}): Promise<string> =>
    createCampaign(fresh.ctx, { list: 'news', subject: 'Hello', fileName, source: Buffer.from(source), ...more });

  const mailTo = async (id: string, attributes: Record<string, string> = {}): Promise<ParsedMail> => {
    const list = await listBySlug(fresh.ctx, 'news');
    const content = await withPictures(fresh.ctx.db, await loadCampaign(fresh.ctx, id));
    const recipient: Recipient = { ...samplePerson(fresh.ctx, 'boris@example.net'), attributes };
    const present = content.message ? new Set<string>() : presentFields(fieldsAskedBy(content), recipient);
    const ready = makeReady(fresh.ctx, list, content, { language: 'en', why: 'confirmed', present });
    return simpleParser(
      await finishMail(fresh.ctx, list.organisation, ready, { recipient, language: 'en', messageId: 'm1' }),
    );
  };

  const refusal = async (work: Promise<unknown>): Promise<readonly Problem[]> => {
    const error: unknown = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Refusal);
    expect((error as Refusal).code).to.equal('template-refused');
    return problemsOf(error as Refusal);
  };

  describe('Markdown', () => {
    const SOURCE = `---
subject: News for {{default attribute.first_name "you"}}
preheader: Read this
---
# Summer

Hello {{default attribute.first_name "reader"}}, [leave]({{unsubscribe_url}}) or *stay*.

<script>alert(1)</script> [bad](javascript:alert(1)) ![](data:text/html,x)
`;

    it('becomes a mail with both parts, its front matter the subject and the preheader', async () => {
      const id = await upload('news.md', SOURCE, { subject: '' });

      const mail = await mailTo(id, { first_name: 'Ada' });

      expect(mail.subject).to.equal('News for Ada');
      expect(mail.html)
        .to.match(/<h1[^>]*>Summer<\/h1>/)
        .and.match(/Read this/)
        .and.match(/<em>stay<\/em>/);
      expect(mail.html)
        .to.contain('Hello Ada,')
        .and.match(new RegExp(`href="${UNSUBSCRIBE.source}"[^>]*>leave</a>`));
      expect(mail.text).to.contain('Hello Ada,').and.match(UNSUBSCRIBE);
    });

    it('keeps HTML in it as text, and no link but to the web and to mailboxes', async () => {
      const { html } = await mailTo(await upload('news.md', SOURCE));

      expect(html)
        .to.contain('&lt;script&gt;')
        .and.not.match(/<script|href="javascript|src="data/);
    });
  });

  describe('personal values', () => {
    it('are escaped in HTML, stay one line in the subject, and give way to their fallback', async () => {
      const id = await upload(
        'a.html',
        '<p title="for {{attribute.name}}">Dear {{default attribute.name "friend"}}, {{email}}</p>',
        {
          subject: 'For {{attribute.name}}',
        },
      );

      const mail = await mailTo(id, { name: '<b onclick="x">Eve</b>\r\nBcc: all@example.org' });

      expect(mail.html).to.contain('Dear &lt;b onclick=&quot;x&quot;&gt;Eve').and.not.contain('<b onclick');
      expect(mail.html).to.contain('boris@example.net');
      expect(mail.subject).to.equal('For <b onclick="x">Eve</b> Bcc: all@example.org');
      expect(mail.bcc).to.equal(undefined);
      expect((await mailTo(id)).text).to.contain('Dear friend,');
    });

    it('choose between branches', async () => {
      const id = await upload(
        'a.html.hbs',
        '<p>{{#if attribute.city}}In {{attribute.city}}{{else}}Everywhere{{/if}}</p>',
      );

      expect((await mailTo(id, { city: 'Łódź' })).text)
        .to.contain('In Łódź')
        .and.not.contain('Everywhere');
      expect((await mailTo(id)).text)
        .to.contain('Everywhere')
        .and.not.contain('In ');
    });

    for (const [title, source, reason, line] of [
      ['in a link', '<p>x</p>\n<a href="https://example.org/?e={{email}}">x</a>', 'place-url', 2],
      ['in an image', '<p>x</p>\n\n<img src="https://example.org/{{attribute.id}}.png">', 'place-url', 3],
      ['in a link of another system', '<p>x</p>\n<a href="https://example.org/?e=*|EMAIL|*">x</a>', 'place-url', 2],
      ['in a style', '<p style="color:{{attribute.colour}}">x</p>', 'place-style', 1],
      ['in a tag', '<p {{attribute.x}}>x</p>', 'place-tag', 1],
      ['between rows', '<table>\n{{#if attribute.x}}<tr><td>x</td></tr>{{/if}}</table>', 'place-torn', 2],
    ] as const) {
      it(`are refused ${title}, with the line`, async () => {
        const [problem] = await refusal(upload('a.html', source, { tags: 'accept' }));

        expect(problem).to.include({ reason, line });
      });
    }

    it('are refused in MJML with the line of the file', async () => {
      const source = `<mjml><mj-body><mj-section><mj-column>\n<mj-text>Hi</mj-text>\n<mj-button href="https://example.org/?e={{email}}">x</mj-button>\n</mj-column></mj-section></mj-body></mjml>`;

      const [problem] = await refusal(upload('a.mjml', source));

      expect(problem).to.include({ reason: 'place-url', line: 3 });
    });

    it('of more than four kinds in conditions are too many', async () => {
      const conditions = ['a', 'b', 'c', 'd', 'e'].map((name) => `{{#if attribute.${name}}}x{{/if}}`).join(' ');

      expect((await refusal(upload('a.html', `<p>y ${conditions}</p>`)))[0]).to.include({ reason: 'condition-many' });
    });
  });

  describe('hostile Handlebars', () => {
    for (const [tag, reason] of [
      ['{{#each people}}x{{/each}}', 'tag-loop'],
      ['{{#with list}}x{{/with}}', 'tag-loop'],
      ['{{> /etc/passwd}}', 'tag-partial'],
      ['{{lookup this "x"}}', 'tag-program'],
      ['{{../secret}}', 'tag-program'],
      ['{{__proto__}}', 'tag-program'],
      ['{{constructor}}', 'tag-program'],
      ['{{list.constructor.name}}', 'tag-program'],
      ['{{@root.env}}', 'tag-program'],
      ['{{helper "a" b=1}}', 'tag-program'],
      ['{{#helper a b}}x{{/helper}}', 'tag-program'],
      ['<%= process.env %>', 'tag-program'],
      ['{% include "/etc/passwd" %}', 'tag-program'],
    ] as const) {
      it(`refuses ${tag}`, async () => {
        const [problem] = await refusal(upload('a.html', `<p>x</p>\n<p>${tag}</p>`, { tags: 'accept' }));

        expect(problem).to.include({ reason, line: 2 });
      });
    }

    it('fills nothing from the environment or from JavaScript', async () => {
      const mail = await mailTo(await upload('a.html', '<p>[{{process.env.PATH}}] [{{this}}]</p>', { tags: 'accept' }));

      expect(mail.text).to.contain('[] []');
    });

    it('stops MJML that would take all memory, and goes on', async () => {
      const columns = '<mj-column><mj-text>x</mj-text></mj-column>'.repeat(40_000);
      const source = `<mjml><mj-body><mj-section>${columns}</mj-section></mj-body></mjml>`;

      const answer = await upload('a.mjml', source).catch((error: unknown) => error);

      expect(typeof answer === 'string' || answer instanceof Refusal).to.equal(true);
      expect(await upload('a.html', '<p>x</p>')).to.be.a('string');
    }).timeout(120_000);

    it('answers in good time for a file that is all tags', async () => {
      for (const piece of [
        '{{#if email}}',
        '{{email}}',
        '*|',
        '{{',
        '{{!--',
        '[[',
        '%%a',
        '<style>',
        '<p style="{{',
        '@media{',
      ]) {
        const source = `<p>x</p>${piece.repeat(Math.floor(1_900_000 / piece.length))}`;

        await upload('a.html', source, { tags: 'accept' }).catch((error: unknown) => {
          if (!(error instanceof Refusal)) throw error;
        });
      }
    }).timeout(120_000);
  });

  describe('tags of other systems', () => {
    const SOURCE = `<html><body>
<p>*|MC:SUBJECT|* for *|FNAME|* at *|LIST:COMPANY|*</p>
*|IF:CITY|*<p>In *|CITY|*</p>*|ELSE:|*<p>Anywhere</p>*|END:IF|*<p>Today: *|DATE:d/m/y|*</p>
<p><a href="*|UNSUB|*">Leave</a> <a href="*|UPDATE_PROFILE|*">Settings</a> {{ .Subscriber.Email }} [LINK_UNSUBSCRIBE] *|UNKNOWN|*{{ TrackView }}</p>
</body></html>`;

    it('are refused unless somebody accepts what they become', async () => {
      const problems = await refusal(upload('a.html', SOURCE));

      expect(problems.map(({ line, message }) => `${line} ${message}`)).to.include(
        '2 nothing fills "*|FNAME|*"; it could become {{attribute.first_name}}.',
      );
    });

    it('become ours when they are accepted', async () => {
      const mail = await mailTo(await upload('a.html', SOURCE, { tags: 'accept' }), {
        first_name: 'Ada',
        city: 'Oslo',
      });

      expect(mail.text).to.contain('Hello for Ada at Księgarnia').and.contain('In Oslo').and.not.contain('Anywhere');
      expect(mail.text)
        .to.contain('boris@example.net')
        .and.not.match(/[*|{}]/);
      expect(mail.text).to.match(/Today: \d{1,2} \p{L}+ \d{4}/u);
      expect(mail.html).to.match(new RegExp(`href="${UNSUBSCRIBE.source}">Leave`));
    });

    it('wait in a draft that cannot be released before; and become what was chosen', async () => {
      const id = await upload('a.html', SOURCE, { tags: 'propose' });
      const waiting = await releaseCampaign(fresh.ctx, id).catch((error: unknown) => error);

      await acceptTags(fresh.ctx, id, new Map([['*|UNKNOWN|*', { as: 'text', text: 'by & by' }]]));

      expect(waiting).to.be.instanceOf(Refusal);
      expect((await tagsOf(fresh.ctx, id))?.isAccepted).to.equal(true);
      expect((await mailTo(id)).html).to.contain('by & by');
      expect(await releaseCampaign(fresh.ctx, id)).to.equal(true);
    });

    it('in a subject are found too', async () => {
      const id = await upload('a.html', '<p>Hello</p>', { subject: 'For *|FNAME|*', tags: 'accept' });

      expect((await mailTo(id, { first_name: 'Ada' })).subject).to.equal('For Ada');
    });

    it('cannot be written into a draft afterwards, but those stay that are meant', async () => {
      const id = await upload('a.html', '<p>Write *|FNAME|*</p>', { tags: 'propose' });
      await acceptTags(fresh.ctx, id, new Map([['*|FNAME|*', { as: 'text', text: '*|FNAME|*' }]]));

      await changeDraft(fresh.ctx, id, { text: 'Write *|FNAME|* now' });
      const [problem] = await refusal(changeDraft(fresh.ctx, id, { text: 'Dear\n*|LNAME|*' }));

      expect(problem).to.include({ reason: 'placeholder', line: 2 });
      expect((await mailTo(id)).text).to.contain('Write *|FNAME|* now');
    });

    it('leave brackets, percent signs and braces alone that are no tags', async () => {
      const id = await upload('a.html', '<p>50% off 20% [PDF] [1] $5 {x} 100%ABCD a*|b</p><style>a{b:c}</style>');

      expect((await mailTo(id)).text).to.contain('50% off 20% [PDF] [1] $5 {x} 100%ABCD a*|b');
    });
  });

  describe('style sheets', () => {
    it('stand in the elements as well, and media queries still win', async () => {
      const id = await upload(
        'a.html',
        '<html><head><style>p { color: #ff0000 } @media (max-width: 400px) { p { color: #00ff00; margin: 0 !important } }</style></head><body><!--[if mso]><p>x</p><![endif]--><p>Hello</p></body></html>',
      );

      const { html } = await mailTo(id);

      expect(html)
        .to.match(/<p style="color: #ff0000;">Hello/)
        .and.contain('color: #00ff00 !important; margin: 0 !important');
      expect(html).to.contain('<!--[if mso]><p>x</p><![endif]-->');
    });

    for (const [source, reason, line] of [
      ['<p>x</p>\n<link rel="stylesheet" href="https://example.org/a.css">', 'style-remote', 2],
      ['<p>x</p>\n<style>@import url("//example.org/a.css");</style>', 'style-remote', 2],
      ['<link rel="stylesheet" href="css/a.css"><p>x</p>', 'style-local', 1],
    ] as const) {
      it(`are never fetched: ${source.split('\n').at(-1)}`, async () => {
        expect((await refusal(upload('a.html', source)))[0]).to.include({ reason, line });
      });
    }
  });

  describe('the preview text', () => {
    const TAGGED = 'Only {{default attribute.first_name "you"}} & <us>';
    const hiddenIn = (mail: ParsedMail): string =>
      /<div style="display:none[^"]*">([^<]*)<\/div>/
        .exec(String(mail.html))?.[1]
        ?.replace(/(?:&#847;&zwnj;&nbsp;)*$/, '') ?? '';

    for (const [name, source, before] of [
      ['a.html', '<html><body class="x"><p>Words</p></body></html>', ''],
      ['b.mjml', mjml('<mj-preview>Theirs</mj-preview>'), 'Theirs'],
      ['c.html.hbs', '<div style="display:none">For {{email}}</div><p>Words</p>', 'For {{email}}'],
      ['d.md', '---\npreheader: Read this\n---\nWords\n', 'Read this'],
      ['e.zip', makeZip([{ path: 'index.html', body: '<body><p>Words</p></body>' }]), ''],
    ] as const) {
      it(`of ${name} is seen, replaced, escaped, taken out, and never in the text part`, async () => {
        const id = await upload(name, source);
        const html = async (): Promise<string> => (await loadCampaign(fresh.ctx, id)).html;
        const [original, { text }] = [await html(), await loadCampaign(fresh.ctx, id)];
        expect(ownPreheader(original)).to.equal(before);

        await changeText(fresh.ctx, id, { text: { text }, preheader: TAGGED });

        const mail = await mailTo(id, { first_name: '<b>Eve</b>' });
        expect(hiddenIn(mail)).to.equal('Only &lt;b&gt;Eve&lt;/b&gt; &amp; &lt;us&gt;');
        expect(mail.html).not.to.contain('Theirs').and.not.contain('Read this');
        expect(mail.html).to.match(UNSUBSCRIBE);
        await changeText(fresh.ctx, id, { text: 'anew' });
        expect((await mailTo(id)).text)
          .to.contain('Words')
          .and.not.contain('Only');
        expect(ownPreheader(await html())).to.equal(TAGGED);
        await changeText(fresh.ctx, id, { text: { text }, preheader: '' });
        expect(ownPreheader(await html())).to.equal('');
        if (before === '') expect(await html()).to.equal(original);
      });
    }

    it('leaves a part alone that only some devices show', async () => {
      const part = '<div style="display:none"><a href="https://example.org">For phones</a></div>';
      const id = await upload('a.html', `<body>${part}<p>Words</p></body>`, { preheader: 'Ours' });

      const { html } = await loadCampaign(fresh.ctx, id);

      expect(html).to.contain(part);
      expect(ownPreheader(html)).to.equal('Ours');
    });

    it('is refused with tags that nobody accepted, line breaks, too many letters, or for a finished message', async () => {
      const id = await upload('a.html', '<p>Words</p>');
      const eml = 'Subject: July\r\nContent-Type: text/plain\r\n\r\nHello.\r\n';

      for (const [reason, work] of [
        ['placeholder', async () => changeText(fresh.ctx, id, { text: 'anew', preheader: 'For *|FNAME|*' })],
        ['preheader-controls', async () => changeText(fresh.ctx, id, { text: 'anew', preheader: 'a\nb' })],
        ['preheader-long', async () => changeText(fresh.ctx, id, { text: 'anew', preheader: 'a'.repeat(251) })],
        ['placeholder', async () => upload('a.html', '<p>Words</p>', { preheader: 'For *|FNAME|*' })],
        ['preheader-message', async () => upload('a.eml', eml, { preheader: 'Ours' })],
      ] as const)
        expect((await refusal(work()))[0], reason).to.include({ reason });
      expect((await loadCampaign(fresh.ctx, id)).html).to.equal('<p>Words</p>');
    });
  });

  describe('a finished message', () => {
    const MESSAGE = [
      'Return-Path: <me@example.net>',
      'Received: from x by y; Mon, 1 Jun 2026 10:00:00 +0000',
      'DKIM-Signature: v=1; a=rsa-sha256; d=example.net; b=x',
      'From: Me <me@example.net>',
      'To: me@example.net',
      'Cc: friend@example.net',
      'Bcc: secret@example.net',
      'Subject: =?utf-8?B?xbvDs8WCdw==?=',
      'Message-ID: <old@example.net>',
      'Date: Mon, 1 Jun 2026 10:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=outer',
      '',
      '--outer',
      'Content-Type: multipart/alternative; boundary=inner',
      '',
      '--inner',
      'Content-Type: text/plain; charset=utf-8',
      '',
      'Words {{unsubscribe_url}}',
      '--inner',
      'Content-Type: text/html; charset=utf-8',
      '',
      '<html><body><p>Words</p></body></html>',
      '--inner--',
      '--outer',
      'Content-Type: application/pdf; name=a.pdf',
      'Content-Disposition: attachment; filename=a.pdf',
      'Content-Transfer-Encoding: base64',
      '',
      'JVBERi0xLjQK',
      '--outer--',
      '',
    ].join('\r\n');

    it('goes out as it is, with the footer, to one reader and from the organisation', async () => {
      const mail = await mailTo(await upload('a.eml', MESSAGE, { subject: '' }));

      expect(mail.subject).to.equal('Żółw');
      expect(mail.from?.value[0]?.address).to.equal('news@example.org');
      expect([mail.to].flat()[0]?.text).to.equal('boris@example.net');
      expect([mail.cc, mail.bcc]).to.deep.equal([undefined, undefined]);
      expect(mail.messageId).to.equal('<m1@example.org>');
      expect(mail.text).to.match(UNSUBSCRIBE);
      expect(mail.html).to.match(UNSUBSCRIBE);
      expect(mail.attachments.map(({ filename, content }) => `${filename} ${content.toString()}`)).to.deep.equal([
        'a.pdf %PDF-1.4\n',
      ]);
      const list = mail.headers.get('list') as { unsubscribe?: { url?: string } };
      expect(list.unsubscribe?.url).to.match(UNSUBSCRIBE);
      expect(mail.headerLines.map(({ key }) => key)).to.not.include.members(['received', 'return-path']);
      expect(
        mail.headerLines
          .filter(({ key }) => key === 'dkim-signature')
          .map(({ line }) => line)
          .join(),
      ).to.not.contain('example.net');
    });

    it('keeps a From in a domain of the organisation', async () => {
      const mail = await mailTo(
        await upload('a.eml', MESSAGE.replace('Me <me@example.net>', 'Editor <editor@example.org>')),
      );

      expect(mail.from?.text).to.equal('"Editor" <editor@example.org>');
    });

    it('is shown with its footer before it is sent', async () => {
      const campaign = await loadCampaign(fresh.ctx, await upload('a.eml', MESSAGE));

      const { html } = previewOf(fresh.ctx, await listBySlug(fresh.ctx, 'news'), campaign, { language: 'en' });

      expect(html).to.contain('<p>Words</p>').and.match(UNSUBSCRIBE);
    });

    it('asks whether its tags are meant, since nobody fills them', async () => {
      const id = await upload('a.eml', MESSAGE.replace('<p>Words', '<p>*|FNAME|*'), { tags: 'propose' });

      expect((await tagsOf(fresh.ctx, id))?.tags.map(({ becomes }) => becomes)).to.deep.equal([
        { as: 'text', text: '*|FNAME|*' },
      ]);
      await acceptTags(fresh.ctx, id, new Map());
      expect((await mailTo(id)).html).to.contain('*|FNAME|*');
    });

    for (const [title, source, reason] of [
      ['a NUL', MESSAGE.replace('Words', 'W\0rds'), 'message'],
      ['two subjects', `Subject: x\r\n${MESSAGE}`, 'message'],
      ['no header', 'just words', 'message'],
      ['11 MB', `${MESSAGE}${'a'.repeat(11_000_000)}`, 'too-large-message'],
    ] as const) {
      it(`is refused with ${title}`, async () => {
        expect((await refusal(upload('a.eml', source)))[0]).to.include({ reason });
      });
    }
  });

  describe('an archive', () => {
    const PAGE = `<html><head><title>Zip</title>
<link rel="stylesheet" href="css/main.css"></head>
<body background="images/a.png"><p>Words</p><img src="images/a.png" alt="a"><img src="https://example.org/b.png"></body></html>`;
    const FILES: ZipEntry[] = [
      { path: 'mail/', body: '' },
      { path: 'mail/index.html', body: PAGE },
      { path: 'mail/css/main.css', body: 'p { color: #123456 }\n.x { background: url(../images/b.png) }' },
      { path: 'mail/images/a.png', body: PNG },
      { path: 'mail/images/b.png', body: Buffer.concat([PNG, Buffer.from('b')]) },
      { path: '__MACOSX/mail/._index.html', body: 'x' },
    ];

    it('becomes a mail that carries its pictures, its style sheet in the elements', async () => {
      const id = await upload('mail.zip', makeZip(FILES), { subject: '' });

      const mail = await mailTo(id);

      expect(mail.subject).to.equal('Zip');
      expect(mail.html).to.contain('<p style="color: #123456;">Words').and.contain('src="https://example.org/b.png"');
      expect(mail.attachments.map(({ contentType, related }) => `${contentType} ${related}`)).to.deep.equal([
        'image/png true',
        'image/png true',
      ]);
      expect(mail.attachments.some(({ content }) => content.equals(PNG))).to.equal(true);
      // The parser puts the pictures in for what it finds: all were found.
      expect(mail.html).to.contain('data:image/png;base64').and.not.contain('cid:');
      expect(mail.text).to.contain('Words').and.match(UNSUBSCRIBE);
    });

    it('shows its pictures before it is sent, and goes out only with those that were uploaded', async () => {
      const id = await upload('mail.zip', makeZip(FILES));
      const list = await listBySlug(fresh.ctx, 'news');
      const campaign = await withPictures(fresh.ctx.db, await loadCampaign(fresh.ctx, id));

      const { html } = previewOf(fresh.ctx, list, campaign, { language: 'en' });
      expect(showPictures(html, shownPictures(campaign))).to.contain(
        `src="data:image/png;base64,${PNG.toString('base64')}"`,
      );
      await fresh.ctx.db.query(
        `update picture p set body = 'x' from campaign_picture c where c.sha256 = p.sha256 and c.campaign_id = $1`,
        [id],
      );
      expect(await releaseCampaign(fresh.ctx, id).catch((error: unknown) => (error as Refusal).code)).to.equal(
        'campaign-state',
      );
    });

    const page = (source: string): ZipEntry => ({ path: 'index.html', body: source });
    const svg = (source: string): ZipEntry[] => [page('<p>x</p><img src="a.svg">'), { path: 'a.svg', body: source }];
    const hostile: [title: string, reason: string, entries: ZipEntry[]][] = [
      ['a path that leads out', 'zip-path', [page('<p>x</p>'), { path: '../a.png', body: PNG }]],
      ['an absolute path', 'zip-path', [page('<p>x</p>'), { path: '/etc/passwd', body: 'x' }]],
      ['a path with a backslash', 'zip-path', [page('<p>x</p>'), { path: '..\\a.png', body: PNG }]],
      ['a drive', 'zip-path', [page('<p>x</p>'), { path: 'c:/a.png', body: PNG }]],
      ['a link', 'zip-link', [page('<p>x</p>'), { path: 'a.png', body: '/etc/passwd', mode: 0o120777 }]],
      ['a password', 'zip-encrypted', [{ ...page('<p>x</p>'), flags: 1 }]],
      ['a bomb', 'zip-bomb', [page('<p>x</p>'), { path: 'a.png', body: Buffer.alloc(9_000_000) }]],
      [
        'a bomb that lies about its size',
        'zip-broken',
        [page('<p>x</p>'), { path: 'a.png', body: Buffer.alloc(9_000_000), says: { size: 900 } }],
      ],
      [
        'more than it may unpack to',
        'zip-unpacked',
        [page('<p>x</p>'), { path: 'a.png', body: 'x', says: { size: 0 } }, ...noise(5)],
      ],
      ['files that overlap', 'zip-overlap', [page('<p>x</p>'), { path: 'b.html', body: '<p>x</p>', overlaps: true }]],
      ['a file twice', 'zip-twice', [page('<p>x</p>'), page('<p>y</p>')]],
      [
        '300 files',
        'zip-many',
        [page('<p>x</p>'), ...Array.from({ length: 300 }, (_, i) => ({ path: `${i}.png`, body: PNG }))],
      ],
      ['no page', 'zip-no-page', [{ path: 'a.png', body: PNG }]],
      [
        'two pages',
        'zip-pages',
        [
          { path: 'a.html', body: '<p>x</p>' },
          { path: 'b.html', body: '<p>x</p>' },
        ],
      ],
      ['a picture that is not there', 'picture-missing', [page('<p>x</p>\n<img src="a.png">')]],
      ['a program as a picture', 'picture-type', [page('<p>x</p><img src="a.png">'), { path: 'a.png', body: 'MZ' }]],
      ['a script in an SVG', 'picture-script', svg('<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>')],
      ['a handler in an SVG', 'picture-script', svg('<svg onload="x"></svg>')],
      ['an SVG that fetches', 'picture-script', svg('<svg><image href="https://example.org/x"/></svg>')],
      ['a link in an SVG', 'picture-script', svg('<svg><a xlink:href="java&#115;cript:x">x</a></svg>')],
      [
        'an entity in an SVG',
        'picture-script',
        svg('<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "x">]><svg>&a;</svg>'),
      ],
      ['a style sheet that is not in it', 'style-local', [page('<link rel="stylesheet" href="a.css"><p>x</p>')]],
    ];
    for (const [title, reason, entries] of hostile) {
      it(`is refused with ${title}`, async () => {
        const [problem] = await refusal(upload('mail.zip', makeZip(entries)));

        expect(problem).to.include({ reason });
      });
    }

    it('is refused with pictures of more than 5 MB that are to go along; else they are fetched', async () => {
      const body = Buffer.concat([PNG, noiseOf(6_000_000)]);
      const source = makeZip([page('<p>x</p><img src="a.png">'), { path: 'a.png', body }]);

      const [problem] = await refusal(upload('mail.zip', source, { pictures: 'inlined' }));

      expect(problem).to.include({ reason: 'pictures-large' });
      const mail = await mailTo(await upload('mail.zip', source));
      expect(mail.attachments).to.deep.equal([]);
      expect(mail.html).to.match(/<img src="https:\/\/consent\.example\.org\/i\/[\w-]{68}"/);
    });

    it('is refused when it is none, cut off, or too large', async () => {
      const whole = makeZip(FILES);

      for (const [bytes, reason] of [
        [Buffer.from('PK'), 'zip-broken'],
        [whole.subarray(0, whole.length - 30), 'zip-broken'],
        [Buffer.alloc(20_000_001), 'zip-large'],
      ] as const) {
        expect((await refusal(upload('mail.zip', bytes)))[0]).to.include({ reason });
      }
    });

    it('takes a harmless SVG', async () => {
      const id = await upload(
        'mail.zip',
        makeZip(svg('<svg xmlns="http://www.w3.org/2000/svg"><defs><path id="a"/></defs><use href="#a"/></svg>')),
      );

      expect((await mailTo(id)).attachments[0]?.contentType).to.equal('image/svg+xml');
    });
  });
});

function mjml(head: string): string {
  return `<mjml><mj-head>${head}</mj-head><mj-body><mj-section><mj-column><mj-text>Words</mj-text></mj-column></mj-section></mj-body></mjml>`;
}

function noise(count: number): ZipEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `noise${i}.bin`,
    body: noiseOf(100_000),
    says: { size: 9_000_000 },
  }));
}

/** Bytes that do not pack, the same each time. */
function noiseOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

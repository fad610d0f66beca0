import { createHash } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import { footerHtml, footerText, type Footer } from '../../server/mail/footer.js';

/** A newsletter of about 10 kB as a shop sends it: text and HTML, in UTF-8 and quoted-printable, its lines as SMTP wants them. The same each time. */
export async function newsletter(): Promise<Buffer> {
  const composed = new MailComposer({
    from: '"Wisła Bookshop" <letters@bookshop.example>',
    to: 'reader@subscribers.example',
    subject: 'New books in May',
    messageId: '<may@bookshop.example>',
    date: new Date('2026-05-04T08:00:00Z'),
    text: Array.from({ length: BOOKS }, (_, n) => `Książka ${n}\n${words(n, 30)}.\n`).join('\n'),
    html: html(),
    textEncoding: 'quoted-printable',
    baseBoundary: 'newsletter',
  });
  return new Promise((resolve, reject) => {
    composed.compile().build((error, raw) => {
      if (error) reject(error);
      else resolve(Buffer.from(raw.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1'));
    });
  });
}

const BOOKS = 10;

function html(): string {
  const rows = Array.from(
    { length: BOOKS },
    (_, n) => `<tr><td class="pad" align="left" style="padding:16px 24px;font-family:Arial,sans-serif;font-size:16px">
<h2 style="margin:0 0 8px;color:#333333">Książka ${n}</h2>
<p style="margin:0 0 16px">${words(n, 40)}.</p>
<a href="https://bookshop.example/books/${n}" style="color:#0b5c3b"><strong>Read more</strong></a></td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>New books in May</title>
<style>@media (max-width:600px){.pad{padding:8px!important}.wide{width:100%!important}}
a:hover{color:#000000}</style></head>
<body style="margin:0;background:#f4f4f4"><table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" class="wide" width="600" cellpadding="0" cellspacing="0" style="background:#ffffff">
${rows.join('\n')}
</table></td></tr></table>
</body></html>
`;
}

// Words that differ, as in a letter.
function words(seed: number, count: number): string {
  const word = (at: number): string => createHash('sha256').update(`${seed} ${at}`).digest('hex');
  return Array.from({ length: count }, (_, at) => word(at).slice(0, 3 + (at % 6))).join(' ');
}

/** The footer of the reader with this number. */
export function footerOf(reader: number): Footer {
  return { ...WORDS, ...linksOf(reader) };
}

/** Where the links of the reader with this number lead. */
export function linksOf(reader: number): Pick<Footer, 'unsubscribeUrl' | 'preferencesUrl'> {
  const token = `AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIjKlMnOpQrStUvWxYz${reader}`;
  return { unsubscribeUrl: `https://zgoda.example/u/${token}`, preferencesUrl: `https://zgoda.example/p/${token}` };
}

const WORDS = {
  ...{ why: 'You receive this because "News" was confirmed for this address on 3 December 2026.' },
  ...{ unsubscribeLabel: 'Unsubscribe from "News"', settingsLabel: 'E-mail settings' },
  ...{ identity: 'Wisła Bookshop Ltd, ul. Długa 1, Kraków', noticeLabel: 'How your data is used' },
  ...{ noticeUrl: 'https://zgoda.example/privacy/bookshop', language: 'en', dir: 'ltr' as const },
};

/** What a rewriter puts in by itself, but for the links of a reader: these stand where the marks are. */
export const FOOTER_MARKS: Pick<Footer, 'unsubscribeUrl' | 'preferencesUrl'> = {
  ...{ unsubscribeUrl: 'https://zgoda.example/UNSUBSCRIBE', preferencesUrl: 'https://zgoda.example/PREFERENCES' },
};

/** The footer with marks instead of links, as HTML and as text. */
export function markedFooter(): { html: string; text: string } {
  const footer = { ...WORDS, ...FOOTER_MARKS };
  return { html: footerHtml(footer), text: footerText(footer) };
}

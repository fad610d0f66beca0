import { Marked } from 'marked';
import { escapeHtml } from '../mail/escape.js';

/** A newsletter in Markdown as a whole HTML page, and what its front matter says. */
export interface MarkdownMail {
  readonly html: string;
  /** Of the front matter, else the first heading; '' when there is none. */
  readonly title: string;
}

/**
 * Markdown as a plain one-column mail. HTML in it stays text, as it was written; links and pictures lead to https, http and mailto alone, or to a mark. The front matter
 * may hold `subject` or `title`, and `preheader`.
 */
export function renderMarkdown(source: string): MarkdownMail {
  const { fields, body } = splitFrontMatter(source);
  const words = body.replace(MARK, (_, name: string) => `${OPEN}${name}${CLOSE}`);
  const content = restore(parser().parse(words, { async: false }));
  const title =
    fields.get('subject') ??
    fields.get('title') ??
    /^#\s+(.{1,200}?)\s*#*$/m.exec(body)?.[1]?.replace(/[*_`]/g, '') ??
    '';
  return { html: page(content, title, fields.get('preheader') ?? ''), title };
}

const MARK = /\ufdd0(\w{1,40})\ufdd1/g;
/** A mark as letters, which no Markdown rule touches, neither in words nor in links. */
const [OPEN, CLOSE] = ['zgodaMarkQ', 'QkraMadogz'];

function restore(html: string): string {
  return html.replace(new RegExp(`${OPEN}(\\w{1,40}?)${CLOSE}`, 'g'), '\ufdd0$1\ufdd1');
}

function splitFrontMatter(source: string): { fields: Map<string, string>; body: string } {
  const match = /^\ufeff?---[ \t]*\r?\n([^]{0,4000}?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(source);
  if (!match) return { fields: new Map(), body: source };
  const pairs = (match[1] ?? '').split(/\r?\n/).flatMap((line): [string, string][] => {
    const pair = /^([a-z]{1,20}):\s*(.*?)\s*$/i.exec(line);
    return pair ? [[(pair[1] ?? '').toLowerCase(), (pair[2] ?? '').replace(/^(["'])(.*)\1$/, '$2')]] : [];
  });
  return { fields: new Map(pairs), body: source.slice(match[0].length) };
}

function parser(): Marked {
  const marked = new Marked({ gfm: true });
  marked.use({
    renderer: {
      html: ({ text }) => escapeHtml(text),
      heading({ tokens, depth }) {
        return `<h${depth} style="${HEADING[depth - 1] ?? HEADING[3] ?? ''}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        const words = this.parser.parseInline(tokens);
        return isSafe(href) ? `<a href="${escapeHtml(href)}" style="color:#0a6640;">${words}</a>` : words;
      },
      image({ href, text }) {
        if (!isSafe(href)) return escapeHtml(text);
        return `<img src="${escapeHtml(href)}" alt="${escapeHtml(text)}" style="max-width:100%;height:auto;border:0;">`;
      },
    },
  });
  return marked;
}

const HEADING = [
  'margin:0 0 16px;font-size:26px;line-height:32px;',
  'margin:28px 0 12px;font-size:21px;line-height:28px;',
  'margin:24px 0 8px;font-size:18px;line-height:26px;',
  'margin:20px 0 8px;font-size:16px;line-height:24px;',
];

function isSafe(href: string): boolean {
  return /^(?:https?:\/\/|mailto:|cid:)/i.test(href) || href.startsWith(OPEN);
}

function page(content: string, title: string, preheader: string): string {
  const hidden =
    preheader === ''
      ? ''
      : `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;">${escapeHtml(preheader)}</div>\n`;
  return `<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
${SHEET}
</style>
</head>
<body style="margin:0;padding:0;background-color:#f5f6f3;color:#1b1d1a;">
${hidden}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center" style="padding:24px 12px;">
<table role="presentation" class="sheet" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;background-color:#ffffff;border-radius:6px;"><tr><td align="left" style="padding:32px 28px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:24px;">
${content}</td></tr></table>
</td></tr></table>
</body>
</html>
`;
}

const SHEET = `p, ul, ol, table, blockquote, pre { margin: 0 0 16px; }
ul, ol { padding-left: 24px; }
blockquote { padding-left: 16px; border-left: 3px solid #7a8076; color: #565a52; }
pre { overflow-x: auto; padding: 12px; background-color: #f5f6f3; font-size: 14px; }
hr { border: 0; border-top: 1px solid #7a8076; margin: 24px 0; }
@media (prefers-color-scheme: dark) { body { background-color: #14171a !important; } .sheet { background-color: #1d2124 !important; color: #eceee9 !important; } .sheet a { color: #6fd39b !important; } pre { background-color: #14171a !important; } }`;

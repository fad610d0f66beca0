import { asciiHtml, escapeHtml } from './escape.js';

/** What stands at the foot of a mail (copy.md 6): sentences in the subscriber's language, and where the links lead. */
export interface Footer {
  /** Why this mail came. */
  readonly why: string;
  readonly unsubscribeLabel: string;
  readonly settingsLabel: string;
  /** Legal name and postal address of the sender (F-22); empty where nobody knows them. */
  readonly identity: string;
  readonly noticeLabel: string;
  /** Empty: there is none. */
  readonly noticeUrl: string;
  /** BCP 47. */
  readonly language: string;
  readonly dir: 'ltr' | 'rtl';
  /** A URL, or the mark of a hole. */
  readonly unsubscribeUrl: string;
  readonly preferencesUrl: string;
}

/** Links that the mail shows already, so that the footer does not repeat them. */
export interface Present {
  readonly unsubscribe: boolean;
  readonly preferences: boolean;
}

const NONE: Present = { unsubscribe: false, preferences: false };

/**
 * The footer as HTML: ASCII with numeric references, so that it fits into any charset that extends ASCII (F-16); styles
 * inline and important, so that no style sheet of the mail can hide it (F-13, T11). Black on white has 17:1 contrast.
 */
export function footerHtml(footer: Footer, present: Present = NONE): string {
  const links = linksOf(footer, present).map(({ label, url }) => link(label, url));
  const words = [
    escapeHtml(footer.why),
    ...links,
    ...(footer.identity === '' ? [] : [escapeHtml(footer.identity)]),
    ...(footer.noticeUrl === '' ? [] : [link(footer.noticeLabel, footer.noticeUrl)]),
  ];
  const lines = words.map((line) => `<div style="${LINE}">${line}</div>`);
  const open = `<div lang="${escapeHtml(footer.language)}" dir="${footer.dir}" style="${BOX}">`;
  return asciiHtml(`\n${open}${lines.join('\n')}</div>\n`);
}

/**
 * The footer as plain text (F-14): an empty line and underscores first, one link a line, its words before its URL in
 * angle brackets. Lines end in LF and never in a blank (F-15).
 */
export function footerText(footer: Footer, present: Present = NONE): string {
  const links = linksOf(footer, present).map(({ label, url }) => `${oneLine(label)}\n<${url}>`);
  const notice = footer.noticeUrl === '' ? '' : `${oneLine(footer.noticeLabel)}\n<${footer.noticeUrl}>`;
  const words = [footer.why, ...links, footer.identity, notice].filter((one) => one !== '');
  return `\n${SEPARATOR}\n${words.map(trimLines).join('\n')}\n`;
}

const SEPARATOR = '_'.repeat(40);

/** Whatever a mail's own style sheet could use to hide us, directly or by inheritance, is set here. */
const SEEN = [
  'visibility:visible',
  'opacity:1',
  'position:static',
  'float:none',
  'clear:both',
  'width:auto',
  'height:auto',
  'max-width:none',
  'max-height:none',
  'overflow:visible',
  'clip:auto',
  'clip-path:none',
  'transform:none',
  'scale:none',
  'zoom:1',
  'filter:none',
  'text-indent:0',
  'letter-spacing:normal',
  'text-transform:none',
  'pointer-events:auto',
  'mso-hide:none',
];
const TEXT = ['font-family:Arial,sans-serif', 'font-size:14px', 'line-height:24px', 'background:#ffffff'];
const BOX = important(['display:block', 'margin:24px 0 0', 'padding:16px', 'text-align:start', ...TEXT, ...SEEN]);
const LINE = important(['display:block', 'margin:0', 'padding:0', 'color:#1a1a1a', ...TEXT, ...SEEN]);
const LINK = important([
  'display:inline-block',
  'min-height:24px',
  'padding:4px 0',
  'color:#0b3d91',
  'text-decoration:underline',
  ...TEXT,
  ...SEEN,
]);

function important(styles: readonly string[]): string {
  return styles.map((style) => `${style}!important`).join(';');
}

function linksOf(footer: Footer, present: Present): { label: string; url: string }[] {
  return [
    ...(present.unsubscribe ? [] : [{ label: footer.unsubscribeLabel, url: footer.unsubscribeUrl }]),
    ...(present.preferences ? [] : [{ label: footer.settingsLabel, url: footer.preferencesUrl }]),
  ];
}

function link(label: string, url: string): string {
  return `<a href="${escapeHtml(url)}" style="${LINK}">${escapeHtml(label)}</a>`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function trimLines(text: string): string {
  return text.replace(/[^\S\n]+$/gm, '');
}

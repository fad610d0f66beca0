import { asciiHtml, escapeHtml } from './escape.js';
import { hole } from './hole.js';

/** What stands at the foot of a mail (copy.md 6): sentences in the subscriber's language, and where the links lead. */
export interface Footer {
  /** Why this mail came. */
  readonly why: string;
  /** The same with a hole, `confirmed_on`, and what stands there: readers of other days share the rest. */
  readonly dated?: { readonly why: string; readonly on: string };
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
  const links = linksOf(footer, present).map(({ label, url }) => link(label, url, footer.dir));
  const words = [
    asciiHtml(escapeHtml(footer.why)),
    ...links,
    ...(footer.identity === '' ? [] : [asciiHtml(escapeHtml(footer.identity))]),
    ...(footer.noticeUrl === '' ? [] : [link(footer.noticeLabel, footer.noticeUrl, footer.dir)]),
  ];
  const open = `<div lang="${asciiHtml(escapeHtml(footer.language))}" dir="${footer.dir}" style="${BOX[footer.dir]}">`;
  return `\n${open}${words.join('<br>\n')}</div>\n`;
}

/** The sentence of a footer for somebody who confirmed on a day, in words. `why` has a hole for it. */
export function datedWhy({ why }: Pick<Footer, 'why'>, on: string): Required<Pick<Footer, 'why' | 'dated'>> {
  return { why: why.replace(hole('confirmed_on'), () => on), dated: { why, on } };
}

/** What was proven for examples holds for links and words that escaping leaves alone or makes harmless. Throws RangeError. */
export function checkLinks({ unsubscribeUrl, preferencesUrl, unsubscribeLabel, settingsLabel }: Footer): void {
  for (const url of [unsubscribeUrl, preferencesUrl]) {
    if (!/^https?:\/\/[!#-;=?-~]+$/.test(url)) throw new RangeError('a link of the footer is no URL');
  }
  for (const label of [unsubscribeLabel, settingsLabel]) {
    if (!/[\p{L}\p{N}]/u.test(label)) throw new RangeError('a link of the footer has no words');
  }
}

/** The style of the element that stands around all of the footer, and in no mail before it. */
export function footerStyle({ dir }: Pick<Footer, 'dir'>): string {
  return BOX[dir];
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

/**
 * Whatever a mail's own style sheet could do to hide us, directly or by inheritance, is undone: at once by `all`, which knows no directions, and one by one for
 * programs that do not know it.
 */
const SEEN = [
  'all:initial',
  'visibility:visible',
  'opacity:1',
  'float:none',
  'clear:both',
  'width:auto',
  'height:auto',
  'max-height:none',
  'overflow:visible',
  'clip:auto',
  'clip-path:none',
  'transform:none',
  'filter:none',
  'text-indent:0',
  'letter-spacing:normal',
  'text-transform:none',
  'white-space:normal',
  'unicode-bidi:isolate',
];

/** Said twice: Outlook on Windows passes over what is important in a style attribute. */
const LOOK = [
  'font-family:Arial,sans-serif',
  'font-size:14px',
  'line-height:24px',
  'background:#ffffff',
  'mso-hide:none',
];

/** As wide as most mails, in their middle; above what a mail may lay over it. */
const BOX = inBothDirections(
  [...LOOK, 'display:block', 'padding:16px', 'color:#1a1a1a'],
  [
    ...['position:relative', 'z-index:2147483647', 'box-sizing:border-box', 'max-width:600px', 'margin:24px auto 0'],
    ...['border-top:1px solid #cccccc', 'text-align:start'],
  ],
);
const LINK = inBothDirections(
  [...LOOK, 'color:#0b3d91', 'text-decoration:underline'],
  ['display:inline-block', 'position:static', 'max-width:none', 'min-height:24px', 'padding:4px 0', 'outline:revert'],
);

function inBothDirections(look: readonly string[], place: readonly string[]): Record<Footer['dir'], string> {
  const style = (dir: Footer['dir']): string =>
    inLines([...look, ...[...SEEN, ...place, ...look, `direction:${dir}`].map((one) => `${one}!important`)]);
  return { ltr: style('ltr'), rtl: style('rtl') };
}

// So that no line is too long for SMTP (RFC 5321 4.5.3.1.6).
function inLines(styles: readonly string[]): string {
  return styles.map((one, i) => (i > 0 && i % 2 === 0 ? `\n${one}` : one)).join(';');
}

function linksOf(footer: Footer, present: Present): { label: string; url: string }[] {
  return [
    ...(present.unsubscribe ? [] : [{ label: footer.unsubscribeLabel, url: footer.unsubscribeUrl }]),
    ...(present.preferences ? [] : [{ label: footer.settingsLabel, url: footer.preferencesUrl }]),
  ];
}

function link(label: string, url: string, dir: Footer['dir']): string {
  return `<a href="${asciiHtml(escapeHtml(url))}" style="${LINK[dir]}">${asciiHtml(escapeHtml(label))}</a>`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function trimLines(text: string): string {
  return text.replace(/[^\S\n]+$/gm, '');
}

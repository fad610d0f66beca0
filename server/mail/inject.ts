import { Refusal } from '../errors.js';
import { footerHtml, footerStyle, footerText, type Footer, type Present } from './footer.js';
import { insertionPoint } from './insertion-point.js';
import { proveLinks, type Proof } from './visible.js';

/** A text with a footer in it: cutting `length` UTF-16 units at `offset` gives the input back (F-02). */
export interface Injected {
  readonly offset: number;
  /** 0: the text shows both links already. */
  readonly length: number;
}

/** A mail's HTML above this is refused; Gmail hides what lies beyond about 102 kB (F-20). */
const MAX_HTML = 2_000_000;

/**
 * Puts the footer into an HTML text and proves, by reading the result again, that both links can be seen (F-11, F-12). A
 * link that the text shows by itself is not repeated (F-10). Throws `template-refused`, in words for a marketer, when
 * the footer would not be seen: such a mail must not leave.
 */
export function injectHtml(html: string, footer: Footer): Injected & { readonly html: string } {
  if (html.length > MAX_HTML) throw new Refusal('template-refused', 'The HTML is larger than 2 MB.');
  const offset = insertionPoint(html);
  const present = presentIn(proveLinks(html), footer);
  if (present.unsubscribe && present.preferences) return { html, offset, length: 0 };
  const inserted = footerHtml(footer, present);
  const whole = html.slice(0, offset) + inserted + html.slice(offset);
  requireVisible(whole, footer, present);
  return { html: whole, offset, length: inserted.length };
}

/** Throws `template-refused` unless the unsubscribe link and the settings link can both be seen, in the footer or where the mail has them (F-12). */
function requireVisible(html: string, footer: Footer, present: Present): void {
  const whyUnseen = proveLinks(html);
  const style = footerStyle(footer);
  for (const [url, isElsewhere] of [
    [footer.unsubscribeUrl, present.unsubscribe],
    [footer.preferencesUrl, present.preferences],
  ] as const) {
    const why = whyUnseen(url, isElsewhere ? undefined : style);
    if (why === null) continue;
    throw new Refusal(
      'template-refused',
      `The unsubscribe footer would not be seen: ${why}. Correct the HTML; without a visible footer no mail leaves.`,
      { why },
    );
  }
}

/** The same for plain text; nothing hides there. The footer follows after an empty line. */
export function injectText(text: string, footer: Footer): Injected & { readonly text: string } {
  const present = {
    unsubscribe: standsAlone(text, footer.unsubscribeUrl),
    preferences: standsAlone(text, footer.preferencesUrl),
  };
  if (present.unsubscribe && present.preferences) return { text, offset: text.length, length: 0 };
  const inserted = (text === '' || text.endsWith('\n') ? '' : '\n') + footerText(footer, present);
  return { text: text + inserted, offset: text.length, length: inserted.length };
}

function presentIn(whyUnseen: Proof, footer: Footer): Present {
  return {
    unsubscribe: whyUnseen(footer.unsubscribeUrl) === null,
    preferences: whyUnseen(footer.preferencesUrl) === null,
  };
}

/** A URL works in plain text when nothing is glued to it that a mail program would take for a part of it. */
export function standsAlone(text: string, url: string): boolean {
  for (let at = text.indexOf(url); at >= 0; at = text.indexOf(url, at + 1)) {
    const before = text.slice(0, at).slice(-1);
    const after = text.slice(at + url.length, at + url.length + 2);
    if (/^$|[\s<(["']/.test(before) && /^(?:$|[\s>)\]"']|[.,;:!?](?:\s|$))/.test(after)) return true;
  }
  return false;
}

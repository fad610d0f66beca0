import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { hole } from '../mail/hole.js';
import { nodesOf } from '../mail/nodes.js';
import type { Finding } from './lint-finding.js';
import { lintFooter } from './lint-footer.js';
import { lintImages } from './lint-images.js';
import { lintPictures, type OurPicture } from './lint-pictures.js';
import { lintLinks } from './lint-links.js';
import { preheaderOf } from './lint-preheader.js';
import { lintSender, type Sender } from './lint-sender.js';
import { countWords, lintSize, lintText } from './lint-size.js';
import { lintPreheader, lintSubject } from './lint-subject.js';
import { lintWords } from './lint-words.js';

/** A campaign as it would leave, and what it was made from. */
export interface MailToCheck {
  readonly subject: string;
  /** As uploaded: lines are those that the marketer sees. */
  readonly source: string;
  /** HTML and text with their tags; null: a finished message, in which none is ours. */
  readonly template: string | null;
  /** Before the footer, as a made-up person gets it. */
  readonly html: string;
  readonly text: string;
  /** With the footer; the links of the way out are still holes. null: a finished message. */
  readonly laidOut: string | null;
  /** Of the HTML, the footer and its links included. */
  readonly htmlBytes: number;
  readonly pictures: readonly OurPicture[];
  readonly sender: Sender;
}

/** What a marketer should know of a mail before it leaves: what stops it first, then what is worth a look, then what is good. */
export function lintMail(mail: MailToCheck): Finding[] {
  const document = parse(mail.html);
  const seen = seenWords(document);
  const words = countWords(seen);
  const found = [
    ...lintSubject(mail.subject),
    ...lintPreheader(mail.subject, preheaderOf(mail.html)),
    ...lintSender(mail.sender),
    ...lintWords({ ...mail, seen: `${mail.subject}\n${seen}\n${mail.text}` }),
    ...lintLinks(elements(document, 'a').concat(elements(document, 'area')), mail.source),
    ...lintImages(elements(document, 'img'), mail.source, words),
    ...lintPictures(mail.pictures, mail.source),
    ...lintSize(mail.htmlBytes),
    ...lintText(mail.text, words),
    ...(mail.laidOut === null
      ? []
      : lintFooter(parse(mail.laidOut), [hole('unsubscribe_url'), hole('preferences_url')])),
  ];
  return (['stop', 'look', 'good'] as const).flatMap((sign) => found.filter((one) => one.sign === sign));
}

function elements(document: DefaultTreeAdapterTypes.Document, name: string): DefaultTreeAdapterTypes.Element[] {
  return [...nodesOf(document)].filter(
    (node): node is DefaultTreeAdapterTypes.Element =>
      'tagName' in node && node.tagName === name && (name === 'img' || node.attrs.some((one) => one.name === 'href')),
  );
}

const UNSEEN = new Set(['style', 'script', 'title', 'template', 'noscript']);

function seenWords(document: DefaultTreeAdapterTypes.Document): string {
  let words = '';
  for (const node of nodesOf(document)) {
    if (node.nodeName !== '#text' || !('value' in node)) continue;
    const around = node.parentNode;
    if (around && 'tagName' in around && UNSEEN.has(around.tagName)) continue;
    words += `${node.value}\n`;
  }
  return words;
}

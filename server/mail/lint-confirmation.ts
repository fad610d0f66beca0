import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { promotionIn } from './promotion.js';
import { attributeOf, nodesOf, textOf } from './nodes.js';

/** A confirmation mail before it is used, with example values or marks of holes as its links. */
export interface Confirmation {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly listName: string;
  readonly wording: string;
}

/**
 * What makes a confirmation mail an advertisement, and so forbidden before consent (C-04): pictures, anything remote,
 * slogans (in the list's name and wording too), and links but for one each to confirm, "this was not me" and the privacy
 * notice. Sentences for the marketer; empty when the mail is clean.
 */
export function lintConfirmation(mail: Confirmation): string[] {
  const nodes = [...nodesOf(parse(mail.html))].filter((node) => 'tagName' in node);
  return [
    ...lintWords(mail, nodes),
    ...nodes.flatMap(lintElement),
    ...lintLinks(
      'the HTML part',
      nodes.filter(({ tagName }) => tagName === 'a').map((a) => attributeOf(a, 'href') ?? ''),
    ),
    ...lintLinks('the text part', urlsIn(mail.text)),
  ];
}

type Element = DefaultTreeAdapterTypes.Element;

function lintWords(mail: Confirmation, nodes: readonly Element[]): string[] {
  const visible = nodes
    .filter(({ tagName }) => tagName !== 'style')
    .map(textOf)
    .join(' ');
  const places: [string, string][] = [
    ['The subject', mail.subject],
    ['The name of the list', mail.listName],
    ['The wording', mail.wording],
    ['The text part', mail.text],
    ['The HTML part', visible],
  ];
  return places.flatMap(([place, text]) =>
    promotionIn(text).map((words) => `${place} sounds like an advertisement: "${words}".`),
  );
}

function lintElement(element: Element): string[] {
  const { tagName } = element;
  if (tagName === 'img' || tagName === 'picture' || tagName === 'svg') {
    const size = [attributeOf(element, 'width'), attributeOf(element, 'height')];
    return [
      size.every((side) => side === '1' || side === '0')
        ? 'There is a tracking pixel.'
        : 'There is a picture or a logo.',
    ];
  }
  if (ACTIVE.has(tagName)) return [`There is a <${tagName}>.`];
  const styles = `${attributeOf(element, 'style') ?? ''} ${tagName === 'style' ? textOf(element) : ''}`;
  const remote =
    REMOTE.some((name) => attributeOf(element, name) !== null) || /url\(|@import|image-set\(/i.test(styles);
  return remote ? [`<${tagName}> loads something from elsewhere.`] : [];
}

const ACTIVE = new Set('audio base embed form iframe input link object script source video'.split(' '));
const REMOTE = ['src', 'srcset', 'background', 'poster', 'ping', 'data'];

function lintLinks(place: string, urls: readonly string[]): string[] {
  const kinds = urls.map(kindOf);
  const wrong = (['confirm', 'not-me', 'notice'] as const)
    .map((kind) => ({ kind, count: kinds.filter((one) => one === kind).length }))
    .filter(({ count }) => count !== 1);
  return [
    ...wrong.map(({ kind, count }) => `${NAMES[kind]}: ${count} in ${place} instead of one.`),
    ...urls
      .filter((_, i) => kinds[i] === 'social')
      .map((url) => `A link in ${place} leads to a social network: ${url}.`),
  ];
}

const NAMES = { confirm: 'Link to confirm', 'not-me': 'Link "this was not me"', notice: 'Link to the privacy notice' };

function kindOf(url: string): 'confirm' | 'not-me' | 'notice' | 'social' {
  if (/\/c\/[^/]+$|^\ufdd0confirm/.test(url)) return 'confirm';
  if (/\/n\/[^/]+$|^\ufdd0not_?me/i.test(url)) return 'not-me';
  return SOCIAL.test(url) ? 'social' : 'notice';
}

const SOCIAL =
  /^https?:\/\/(?:[\w-]+\.)*(?:facebook|instagram|twitter|x|linkedin|tiktok|youtube|pinterest|t)\.(?:com|me)(?:\/|$)/i;

function urlsIn(text: string): string[] {
  return [...text.matchAll(/https?:\/\/[^\s<>]+|\ufdd0\w+\ufdd1/g)].map(([url]) => url.replace(/[.,;:)"'”’»]+$/, ''));
}

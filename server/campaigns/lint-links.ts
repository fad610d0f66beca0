import { attributeOf, nodesOf, type Tag } from '../mail/nodes.js';
import type { DefaultTreeAdapterTypes } from 'parse5';
import { finding, findingAbout, present, type Finding } from './lint-finding.js';

/** Services that make short addresses: filters distrust them, and readers do not see where they lead. */
const SHORTENERS = new Set(
  'bit.ly tinyurl.com t.co goo.gl ow.ly is.gd buff.ly rebrand.ly cutt.ly shorturl.at tiny.cc rb.gy lnkd.in t.ly'.split(
    ' ',
  ),
);

/** The links of a mail, without those of the footer. */
export function lintLinks(links: readonly DefaultTreeAdapterTypes.Element[], source: string): Finding[] {
  const hrefs = links.map((link) => ({ link, href: hrefOf(link), url: urlOf(hrefOf(link)) }));
  const those = (is: (one: (typeof hrefs)[number]) => boolean): string[] => hrefs.filter(is).map(({ href }) => href);
  const found = present([
    findingAbout(
      'links-script',
      'look',
      source,
      those(({ href }) => /^(?:javascript|vbscript|data|file):/i.test(href)),
    ),
    findingAbout(
      'links-http',
      'look',
      source,
      those(({ url }) => url?.protocol === 'http:'),
    ),
    findingAbout(
      'links-ip',
      'look',
      source,
      those(({ url }) => url !== null && isBareIp(url.hostname)),
    ),
    findingAbout(
      'links-short',
      'look',
      source,
      those(({ url }) => url !== null && SHORTENERS.has(url.hostname.replace(/^www\./, ''))),
    ),
    findingAbout(
      'links-nowhere',
      'look',
      source,
      those(({ href, url }) => isNowhere(href, url)),
    ),
    findingAbout(
      'links-other',
      'look',
      source,
      those(({ link, url }) => url !== null && namesOther(link, url)),
    ),
  ]);
  if (found.length > 0) return found;
  return [links.length === 0 ? finding('links-none', 'good') : finding('links-good', 'good', { count: links.length })];
}

function hrefOf(link: Tag): string {
  return attributeOf(link, 'href')?.trim() ?? '';
}

/** null: not one of the web. */
function urlOf(href: string): URL | null {
  return /^https?:/i.test(href) && URL.canParse(href) ? new URL(href) : null;
}

function isBareIp(host: string): boolean {
  return /^(?:\d{1,3}\.){3}\d{1,3}$/.test(host) || host.startsWith('[');
}

/** Empty, a mark in the page, a path without a host, or this machine. */
function isNowhere(href: string, url: URL | null): boolean {
  if (url) return /^(?:localhost|.*\.(?:local|test|localhost|invalid))$/.test(url.hostname);
  return href === '' || !/^(?:[a-z][a-z0-9+.-]*:|#.|\ufdd0|\{\{|%7B%7B)/i.test(href);
}

/** Do its words name another site than the one it leads to? That is what phishing does. */
function namesOther(link: DefaultTreeAdapterTypes.Element, url: URL): boolean {
  let words = '';
  for (const node of nodesOf(link)) if (node.nodeName === '#text' && 'value' in node) words += node.value;
  const [, host] = /^\s*(?:https?:\/\/)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?#]\S*)?\s*$/i.exec(words.slice(0, 300)) ?? [];
  if (host === undefined) return false;
  const bare = (name: string): string => name.toLowerCase().replace(/^www\./, '');
  return bare(host) !== bare(url.hostname) && !bare(url.hostname).endsWith(`.${bare(host)}`);
}

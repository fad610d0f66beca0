import type { DefaultTreeAdapterTypes } from 'parse5';
import { contrast, leastContrast, paperBehind } from '../mail/colour.js';
import { chainOf, nodesOf } from '../mail/nodes.js';
import { sheetsOf } from '../mail/sheets.js';
import { linksTo } from '../mail/visible.js';
import { finding, type Finding } from './lint-finding.js';

/** WCAG 2: text of usual size. */
const LEAST = 4.5;

/** Can the way out be read where it stands? `urls`: of the links to unsubscribe and to the settings. */
export function lintFooter(document: DefaultTreeAdapterTypes.Document, urls: readonly string[]): Finding[] {
  const sheets = sheetsOf(document);
  const links = urls.flatMap((url) => linksTo(document, url).slice(0, 1));
  const chains = links.map((link) => chainOf(firstWord(link)));
  const known = chains.map((chain) => leastContrast(chain, sheets)).filter((one) => one !== null);
  if (chains.length === 0 || known.length < chains.length) return [finding('footer-unknown', 'look')];
  const least = Math.min(...known);
  const detail = `${least.toFixed(1)}:1`;
  if (least < LEAST) return [finding('footer-faint', 'look', { detail })];
  const body = chains[0]?.findIndex(({ tagName }) => tagName === 'body') ?? -1;
  const around = chains[0] && body >= 0 ? paperBehind(chains[0].slice(body), sheets) : null;
  return [
    finding('footer-good', 'good', { detail }),
    ...(around !== null && (contrast(around, 'ffffff') ?? 1) > 1.6
      ? [finding('footer-box', 'good', { detail: `#${around}` })]
      : []),
  ];
}

function firstWord(link: DefaultTreeAdapterTypes.Element): DefaultTreeAdapterTypes.Node {
  for (const node of nodesOf(link))
    if (node.nodeName === '#text' && 'value' in node && node.value.trim() !== '') return node;
  return link;
}

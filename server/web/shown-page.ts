import { createHash } from 'node:crypto';
import { cutAtHoles } from '../mail/hole.js';
import type { Pages } from './pages.js';
import type { Renderer } from './render.js';

/** A page as everybody of a list sees it: one text, with named places that are filled for each reader. Records name it by its hash. */
export interface ShownPage {
  /** The page with `{{name}}` in each place. */
  readonly body: string;
  /** Of that text in UTF-8, lower-case hex. */
  readonly sha256: string;
  /** The page for one reader; values are HTML. Throws for a place without a value. */
  fill(values: Readonly<Record<string, string>>): string;
}

interface Kept {
  readonly byData: Map<string, ShownPage>;
  readonly byHash: Map<string, ShownPage>;
}

/** So many texts are remembered: a few for each list and language. The oldest goes first. */
const MOST = 500;
const kept = new WeakMap<Renderer, Kept>();

/** Renders a page whose places are holes (mail/hole.ts): once for the same data. */
export function showPage<V extends keyof Pages>(renderer: Renderer, view: V, data: Pages[V]): ShownPage {
  const { byData, byHash } = keptBy(renderer);
  const key = `${view}\n${JSON.stringify(data)}`;
  const known = byData.get(key);
  if (known) return known;
  const page = cut(renderer.page(view, data));
  remember(byData, key, page);
  remember(byHash, page.sha256, page);
  return page;
}

/** A page that this process has shown, by its hash; null: another process did, or long ago. */
export function shownPage(renderer: Renderer, sha256: string): ShownPage | null {
  return keptBy(renderer).byHash.get(sha256) ?? null;
}

function keptBy(renderer: Renderer): Kept {
  const known = kept.get(renderer) ?? { byData: new Map<string, ShownPage>(), byHash: new Map<string, ShownPage>() };
  kept.set(renderer, known);
  return known;
}

function cut(html: string): ShownPage {
  const pieces = cutAtHoles(html);
  const body = pieces.map((piece, place) => (place % 2 === 0 ? piece : `{{${piece}}}`)).join('');
  return {
    body,
    sha256: createHash('sha256').update(body, 'utf8').digest('hex'),
    fill: (values) => pieces.map((piece, place) => (place % 2 === 0 ? piece : valueOf(values, piece))).join(''),
  };
}

function valueOf(values: Readonly<Record<string, string>>, name: string): string {
  const value = values[name];
  if (value === undefined) throw new Error(`the place ${name} of a page has no value`);
  return value;
}

function remember(known: Map<string, ShownPage>, key: string, page: ShownPage): void {
  if (known.size >= MOST) known.delete(known.keys().next().value ?? '');
  known.set(key, page);
}

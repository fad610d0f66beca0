import { attributeOf, type Tag } from '../mail/nodes.js';
import { finding, findingAbout, present, type Finding } from './lint-finding.js';

/** In bytes: one picture above the first, or all above the second, make a phone wait. */
export const HEAVY = 200_000;
export const HEAVY_TOGETHER = 500_000;

/** The pictures of a mail. `words`: how many words it has beside them. */
export function lintImages(images: readonly Tag[], source: string, words: number): Finding[] {
  if (images.length === 0) return [finding('images-none', 'good')];
  const srcOf = (image: Tag): string => attributeOf(image, 'src')?.trim() ?? '';
  const urls = images.map(srcOf);
  const embedded = urls.filter((url) => /^data:/i.test(url));
  const remote = urls.filter((url) => /^(?:https?:)?\/\//i.test(url));
  const pixels = images.filter((image) => isPixel(image) && !/^data:/i.test(srcOf(image)));
  const unnamed = images.filter((image) => attributeOf(image, 'alt') === null && !isPixel(image)).map(srcOf);
  const heavy = embedded.filter((url) => bytesOf(url) > HEAVY);
  const together = embedded.reduce((sum, url) => sum + bytesOf(url), 0);
  return present([
    findingAbout('images-alt', 'look', source, unnamed) ?? finding('images-named', 'good', { count: images.length }),
    findingAbout('images-heavy', 'look', source, heavy),
    heavy.length === 0 && together > HEAVY_TOGETHER
      ? finding('images-heavy-together', 'look', { count: Math.round(together / 1000) })
      : null,
    findingAbout('images-embedded', 'look', source, embedded),
    findingAbout(
      'images-http',
      'look',
      source,
      urls.filter((url) => /^http:\/\//i.test(url)),
    ),
    findingAbout('images-pixel', 'look', source, pixels.map(srcOf)),
    remote.length > 0 ? finding('images-remote', 'good', { count: remote.length }) : null,
    words < FEW_WORDS ? finding('images-only', 'look', { count: words }) : null,
  ]);
}

const FEW_WORDS = 20;

function isPixel(image: Tag): boolean {
  const sizes = ['width', 'height'].map((name) => attributeOf(image, name)?.replace(/px$/, '').trim());
  return sizes.every((size) => size === '1' || size === '0');
}

/** Of a `data:` URL. */
function bytesOf(url: string): number {
  const content = url.slice(url.indexOf(',') + 1);
  return /;base64,/i.test(url.slice(0, 200)) ? Math.floor((content.length * 3) / 4) : content.length;
}

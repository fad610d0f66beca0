import { finding, findingAbout, present, type Finding } from './lint-finding.js';
import { HEAVY, HEAVY_TOGETHER } from './lint-images.js';
import { bytesOf } from './picture-bytes.js';

/** A picture of which we have the bytes. */
export interface OurPicture {
  /** As the file calls it. */
  readonly src: string;
  readonly bytes: number;
  /** From where it is fetched; null: it goes along with each mail. */
  readonly url: string | null;
}

/** The pictures of an archive or a finished message, also those of its style sheets. */
export function lintPictures(pictures: readonly OurPicture[], source: string): Finding[] {
  const hosted = pictures.filter(({ url }) => url !== null);
  const inlined = pictures.filter(({ url }) => url === null);
  const heavy = pictures.filter(({ bytes }) => bytes > HEAVY).map(({ src }) => src);
  const plain = hosted.flatMap(({ url }) => (url?.startsWith('http://') ? [url] : []));
  const isHeavyTogether = (some: readonly OurPicture[]): boolean =>
    heavy.length === 0 && bytesOf(some) > HEAVY_TOGETHER;
  const inKb = (some: readonly OurPicture[]): number => Math.max(1, Math.round(bytesOf(some) / 1000));
  return present([
    findingAbout('images-heavy', 'look', source, heavy),
    isHeavyTogether(inlined) ? finding('images-heavy-together', 'look', { count: inKb(inlined) }) : null,
    isHeavyTogether(hosted) ? finding('images-heavy-fetched', 'look', { count: inKb(hosted) }) : null,
    findingAbout('images-http', 'look', '', plain),
    inlined.length > 0
      ? finding('images-inlined', 'good', { count: inlined.length, detail: `${inKb(inlined)} kB` })
      : null,
    hosted.length > 0 ? finding('images-hosted', 'good', { count: hosted.length, detail: `${inKb(hosted)} kB` }) : null,
  ]);
}

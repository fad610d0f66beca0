import { posix } from 'node:path';
import { contentIdOf, hashOf } from './content.js';
import { pictureType } from './picture-type.js';
import { bytesOf } from './picture-bytes.js';
import type { Picture } from './prepare.js';
import { MAX_SOURCE_BYTES } from './render.js';
import { refuseTemplate, type Problem, type ProblemReason } from './problem.js';

/** A page of an archive in one text: its style sheets in it, its pictures named by their content ids. */
export interface PackedPage {
  readonly source: string;
  readonly pictures: readonly Picture[];
}

/** All pictures of a campaign together, in bytes; how much of it a mail may carry says `refuseHeavy`. */
const MAX_PICTURES = 20_000_000;
const HEAVY_SHEETS: Problem = {
  line: null,
  reason: 'too-large',
  message: 'The page is larger than 2 MB with its style sheets.',
};
/** So many are told at once. */
const MAX_PROBLEMS = 20;

/**
 * Puts the style sheets of an archive into its page and names its pictures by their content ids. Lines stay where they are. `base`: the path of the page.
 * Throws `template-refused` for what is missing, is no picture, or could do more than be seen.
 */
export function packPage(page: string, base: string, files: ReadonlyMap<string, Buffer>): PackedPage {
  const packer = new Packer(files);
  const withSheets = page.replace(LINK, (tag) => packer.sheet(tag, base));
  const source = packer.rewrite(withSheets, base);
  return { source, pictures: packer.end() };
}

const LINK = /<link\b[^>]{0,1000}>/gi;
const REFERENCE =
  /\b(src|background|poster|srcset|background-url)(\s*=\s*)(?:"([^"]*)"|'([^']*)')|\burl\(\s*(?:"([^"]*)"|'([^']*)'|([^()\s"']*))\s*\)/gi;

class Packer {
  private readonly byPath: ReadonlyMap<string, Buffer>;
  private readonly pictures = new Map<string, Picture>();
  private readonly problems: Problem[] = [];
  /** Of the style sheets that stand in the page. */
  private sheetBytes = 0;
  /** What stands for each file that was named before; null: it was refused. */
  private readonly seen = new Map<string, string | null>();

  constructor(files: ReadonlyMap<string, Buffer>) {
    this.byPath = new Map([...files].map(([path, bytes]) => [path.toLowerCase(), bytes]));
  }

  /** A link to a style sheet of the archive as a `<style>` of one line. */
  sheet(tag: string, base: string): string {
    const href = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(tag);
    const path = pathOf(href?.[1] ?? href?.[2] ?? '', base);
    const bytes = path === null ? undefined : this.byPath.get(path.toLowerCase());
    if (path === null || !bytes || !/\brel\s*=\s*["']?stylesheet/i.test(tag)) return tag;
    this.sheetBytes += bytes.length;
    if (this.sheetBytes > MAX_SOURCE_BYTES) throw refuseTemplate([HEAVY_SHEETS]);
    const media = /\bmedia\s*=\s*"([^"<>]{1,100})"/i.exec(tag)?.[1];
    const css = this.rewrite(bytes.toString('utf8'), path).replace(/\s+/g, ' ').replace(/<\//g, '<\\/');
    return `<style${media ? ` media="${media}"` : ''}>${css}</style>`;
  }

  rewrite(text: string, base: string): string {
    return text.replace(REFERENCE, (all: string, ...found: unknown[]) => {
      const [name, equals, double, single, cssDouble, cssSingle, bare] = found as (string | undefined)[];
      const at = Number(found[7]);
      const given = double ?? single ?? cssDouble ?? cssSingle ?? bare ?? '';
      const line = (): number => text.slice(0, at).split('\n').length;
      if (name?.toLowerCase() === 'srcset') return `${name}${equals ?? ''}"${this.candidates(given, base, line)}"`;
      const url = this.picture(given, base, line);
      if (url === null) return all;
      return name === undefined ? `url('${url}')` : `${name}${equals ?? ''}"${url}"`;
    });
  }

  end(): Picture[] {
    const pictures = [...this.pictures.values()];
    if (bytesOf(pictures) > MAX_PICTURES) {
      const message = 'The pictures have more than 20 MB together. Make them smaller.';
      this.problems.push({ line: null, reason: 'pictures-too-large', message });
    }
    if (this.problems.length > 0) throw refuseTemplate(this.problems);
    return pictures;
  }

  private candidates(given: string, base: string, line: () => number): string {
    return given
      .split(',')
      .map((one) => one.trim().replace(/^\S+/, (url) => this.picture(url, base, line) ?? url))
      .join(', ');
  }

  /** What a reference becomes; null: it stays. */
  private picture(given: string, base: string, line: () => number): string | null {
    const path = pathOf(given, base);
    // Fonts stay where they are: mail programs take none along.
    if (path === null || /\.(?:woff2?|ttf|otf|eot)$/i.test(path)) return null;
    // Of a file that is named a thousand times, the first place is told.
    const known = this.seen.get(path);
    if (known !== undefined) return known;
    const url = this.urlOf(path, line);
    this.seen.set(path, url);
    return url;
  }

  private urlOf(path: string, line: () => number): string | null {
    const body = this.byPath.get(path.toLowerCase());
    const shown = path.replace(/"/g, '?').slice(0, 80);
    if (!body) return this.refuse(line, 'picture-missing', `The picture "${shown}" is not in the archive.`);
    const type = pictureType(body);
    if (type === null)
      return this.refuse(line, 'picture-type', `The picture "${shown}" is no PNG, JPEG, GIF, WebP or SVG.`);
    if (type === 'image/svg+xml' && !isHarmless(body)) {
      return this.refuse(line, 'picture-script', `The picture "${shown}" holds a script, or fetches something.`);
    }
    const picture = { type, sha256: hashOf(body), bytes: body.length, body };
    this.pictures.set(picture.sha256, picture);
    return `cid:${contentIdOf(picture)}`;
  }

  private refuse(line: () => number, reason: ProblemReason, message: string): null {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ line: line(), reason, message });
    return null;
  }
}

/** The path in the archive; null: it leads elsewhere, or is a tag. */
function pathOf(given: string, base: string): string | null {
  const url = given
    .trim()
    .replaceAll('\\', '/')
    .replace(/[?#].*$/s, '');
  if (url === '' || /^(?:[a-z][a-z0-9+.-]*:|\/\/)|\{\{|\*\||[\ufdd0\ufdd1]/i.test(url)) return null;
  const path = posix.normalize(posix.join(posix.dirname(base), url.startsWith('/') ? `.${url}` : decoded(url)));
  return path.replace(/^\/+/, '');
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

/** Nothing in it runs or fetches. What refers to anything but a place in itself is not told apart further. */
function isHarmless(svg: Buffer): boolean {
  const text = svg.toString('utf8');
  if (text.includes('\ufffd') || text.includes('\0')) return false;
  const isActive =
    /<(?:[\w-]+:)?(?:script|foreignobject|iframe|object|embed|handler|set|animate\w*)\b|[\s"'/]on\w+\s*=|<!entity|<!doctype[^>]*\[|<\?xml-stylesheet|@import|javascript:/i;
  const fetches = /(?:href|src)\s*=\s*(?!["']?\s*(?:#|data:image\/(?:png|jpe?g|gif)[;,]))|url\(\s*["']?(?!\s*#)/i;
  // A document has one type at most; the pattern looks for the end of each.
  if ((text.match(/<!doctype/gi)?.length ?? 0) > 1) return false;
  return !isActive.test(text) && !fetches.test(text);
}

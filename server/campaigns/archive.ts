import { promisify } from 'node:util';
import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import { refuseTemplate, type ProblemReason } from './problem.js';

/** An archive above this is refused, in bytes. */
export const MAX_ARCHIVE_BYTES = 20_000_000;
const MAX_FILES = 200;
const MAX_UNPACKED = 40_000_000;
/** Pictures are packed already and text packs well, but not like this. */
const MAX_RATIO = 100;
const SMALL = 1_000_000;

/**
 * The files of a ZIP archive by their paths; folders and what operating systems leave behind are left out. Sizes, paths and places are checked before anything is
 * unpacked (T19). Throws `template-refused`, each time with a reason of its own.
 */
export async function readArchive(bytes: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  if (bytes.length > MAX_ARCHIVE_BYTES) throw refuse('zip-large', 'The archive is larger than 20 MB.');
  const zip = await openZip(bytes);
  try {
    const entries = await entriesOf(zip);
    checkEntries(entries);
    const files = new Map<string, Buffer>();
    for (const entry of entries.filter(({ isFile }) => isFile)) files.set(entry.path, await unpack(zip, entry));
    return files;
  } finally {
    zip.close();
  }
}

interface Found {
  readonly entry: Entry;
  /** `images/logo.png` */
  readonly path: string;
  readonly isFile: boolean;
}

async function openZip(bytes: Buffer): Promise<ZipFile> {
  const open = promisify<Buffer, object, ZipFile>(fromBuffer);
  return open(bytes, { lazyEntries: true, decodeStrings: false, validateEntrySize: true }).catch((error: unknown) => {
    throw broken(error);
  });
}

async function entriesOf(zip: ZipFile): Promise<Found[]> {
  if (zip.entryCount > MAX_FILES) throw refuse('zip-many', `The archive has more than ${MAX_FILES} files.`);
  return new Promise((resolve, reject) => {
    const found: Found[] = [];
    zip.on('error', (error: unknown) => reject(broken(error)));
    zip.on('end', () => resolve(found));
    zip.on('entry', (entry: Entry) => {
      found.push(foundAs(entry));
      if (found.length > MAX_FILES) reject(refuse('zip-many', `The archive has more than ${MAX_FILES} files.`));
      else zip.readEntry();
    });
    zip.readEntry();
  });
}

function foundAs(entry: Entry): Found {
  const isUtf8 = (entry.generalPurposeBitFlag & 0x800) !== 0;
  const raw: unknown = entry.fileName;
  const bytes = Buffer.isBuffer(raw) ? raw : Buffer.from(String(raw));
  const utf8 = bytes.toString('utf8');
  const path = isUtf8 || !utf8.includes('\ufffd') ? utf8 : bytes.toString('latin1');
  return { entry, path, isFile: !path.endsWith('/') && !LEFT_BEHIND.test(path) };
}

const LEFT_BEHIND = /(?:^|\/)(?:__MACOSX\/|\.|thumbs\.db$|desktop\.ini$)/i;

function checkEntries(entries: readonly Found[]): void {
  const seen = new Set<string>();
  let total = 0;
  for (const { entry, path } of entries) {
    checkPath(path);
    checkKind(entry, path);
    if (seen.has(path.toLowerCase())) throw refuse('zip-twice', `The file "${shown(path)}" is in the archive twice.`);
    seen.add(path.toLowerCase());
    total += entry.uncompressedSize;
    const isBomb = entry.uncompressedSize > SMALL && entry.uncompressedSize > entry.compressedSize * MAX_RATIO;
    if (isBomb) throw refuse('zip-bomb', `The file "${shown(path)}" unpacks to more than ${MAX_RATIO} times its size.`);
  }
  if (total > MAX_UNPACKED) throw refuse('zip-unpacked', 'The archive unpacks to more than 40 MB.');
  checkOverlap(entries.map(({ entry }) => entry));
}

function checkPath(path: string): void {
  const isEscaping = /^[/\\]|^[a-z]:|\\/i.test(path) || path.split('/').includes('..');
  if (isEscaping || path.length > 300 || /[\p{Cc}\ufdd0\ufdd1]/u.test(path)) {
    throw refuse('zip-path', `The file "${shown(path)}" would lie outside of the archive.`);
  }
}

function checkKind({ externalFileAttributes, generalPurposeBitFlag, compressionMethod }: Entry, path: string): void {
  const kind = (externalFileAttributes >>> 16) & 0o170000;
  if (kind !== 0 && kind !== 0o100000 && kind !== 0o040000) {
    throw refuse('zip-link', `The file "${shown(path)}" is a link, not a file.`);
  }
  if ((generalPurposeBitFlag & 0x2041) !== 0) throw refuse('zip-encrypted', 'The archive is protected by a password.');
  if (![0, 8].includes(compressionMethod))
    throw refuse('zip-broken', 'The archive is packed in a way that cannot be read.');
}

/** No byte belongs to two files: such archives unpack to far more than they are. */
function checkOverlap(entries: readonly Entry[]): void {
  let last = 0;
  for (const entry of [...entries].sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader)) {
    if (entry.relativeOffsetOfLocalHeader < last) throw refuse('zip-overlap', 'Files in the archive overlap.');
    last = entry.relativeOffsetOfLocalHeader + LOCAL_HEADER + entry.compressedSize;
  }
}

const LOCAL_HEADER = 30;

async function unpack(zip: ZipFile, { entry, path }: Found): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > entry.uncompressedSize) throw new Error(`${shown(path)} is larger than it says`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw broken(error);
  }
  return Buffer.concat(chunks);
}

function shown(path: string): string {
  return path.replace(/[\p{C}"]/gu, '?').slice(0, 80);
}

function broken(error: unknown) {
  const why = error instanceof Error ? error.message : 'unknown';
  return refuse('zip-broken', `The archive cannot be read: ${why.slice(0, 100)}.`);
}

function refuse(reason: ProblemReason, message: string) {
  return refuseTemplate([{ line: null, reason, message }]);
}

/** The page of an archive: the only one, or the one that is called index. Throws `template-refused`. */
export function pageOf(files: ReadonlyMap<string, Buffer>): [path: string, bytes: Buffer] {
  const pages = [...files].filter(([path]) => /\.(?:html?|mjml)(?:\.hbs)?$/i.test(path));
  const depth = Math.min(...pages.map(([path]) => path.split('/').length));
  const highest = pages.filter(([path]) => path.split('/').length === depth);
  const page = highest.length === 1 ? highest[0] : highest.find(([path]) => /(?:^|\/)index\./i.test(path));
  if (page) return page;
  if (pages.length === 0) throw refuse('zip-no-page', 'The archive has no .html or .mjml file.');
  throw refuse('zip-pages', 'The archive has several pages, and none is called index.html.');
}

import { Malformed } from './malformed.js';

/** Hashes in a full tile. c2sp tlog-tiles. */
export const TILE_WIDTH = 256;

/** A tile or an entry bundle; `level` is null for entries. A partial one has a width of 1 to 255. */
export interface TileName {
  readonly level: number | null;
  readonly index: number;
  readonly width: number;
}

/** Path below `/log/`, such as `tile/0/x001/x234/067` or `tile/entries/000.p/5`. c2sp tlog-tiles. */
export function tilePath({ level, index, width }: TileName): string {
  const partial = width === TILE_WIDTH ? '' : `.p/${width}`;
  return `tile/${level ?? 'entries'}/${indexPath(index)}${partial}`;
}

/** The tile that a path names. Throws Malformed for any other spelling. */
export function parseTilePath(path: string): TileName {
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path);
  const [, level, index, width] = match ?? [];
  if (level === undefined || index === undefined) throw new Malformed('tile-path', 'not the path of a tile');
  const name: TileName = {
    level: level === 'entries' ? null : Number(level),
    index: Number(index.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  const isOneTile = name.width > 0 && (width === undefined || name.width < TILE_WIDTH) && (name.level ?? 0) < 64;
  if (!isOneTile || !Number.isSafeInteger(name.index) || tilePath(name) !== path) {
    throw new Malformed('tile-path', 'not the path of a tile');
  }
  return name;
}

/** How many hashes the tile has in a tree of `size` leaves: 0 to 256. */
export function tileWidth({ level, index }: Pick<TileName, 'level' | 'index'>, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level ?? 0));
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** Leaf data behind each other, each with its length in front (two bytes, big-endian). Throws RangeError for 64 KiB and more. */
export function entryBundle(leaves: readonly Buffer[]): Buffer {
  return Buffer.concat(leaves.flatMap((leaf) => [lengthOf(leaf), leaf]));
}

function lengthOf(leaf: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(leaf.length);
  return length;
}

// Groups of three digits, all but the last marked with an x.
function indexPath(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

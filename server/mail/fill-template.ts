import { escapeHtml } from './escape.js';
import { hole } from './hole.js';
import { holesInUrls, misplacedHoles, type MisplacedHole } from './hole-places.js';
import type { FieldPiece, Piece } from './template.js';
import { isPersonal } from './template-tag.js';

/** What fields that are the same for everybody say, by their names; links may be marks of holes. */
export type CommonValues = Readonly<Record<string, string>>;

/** Which value fills a hole, by the hole's name. */
export type PersonalHoles = Map<string, FieldPiece>;

/** A template with the common values filled in, escaped in HTML; each personal field becomes a hole, noted in `holes`. Throws RangeError for a field without a value. */
export function fillTemplate(
  pieces: readonly (string | FieldPiece)[],
  part: 'text' | 'html',
  { values, holes }: { readonly values: CommonValues; readonly holes: PersonalHoles },
): string {
  return pieces
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      if (isPersonal(piece.field)) return hole(holeFor(piece, holes));
      const value = values[piece.field];
      if (value === undefined) throw new RangeError(`no value for the field ${piece.field}`);
      return part === 'html' ? escapeHtml(value) : value;
    })
    .join('');
}

/** Personal values, and conditions, where none may stand (T11). */
export function misplacedIn(pieces: readonly Piece[], part: 'text' | 'html'): MisplacedHole[] {
  const text = withHoles(pieces, { count: 0 });
  const isWatched = (name: string): boolean => name !== COMMON;
  return part === 'html' ? misplacedHoles(text, isWatched) : holesInUrls(text, isWatched);
}

/** What somebody's copy says at a hole: one line, without characters that steer; `values` by field. */
export function personalValue({ field, fallback }: FieldPiece, values: Readonly<Record<string, string>>): string {
  const value = (values[field] ?? '')
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufdd0\ufdd1]+/gu, ' ')
    .trim()
    .slice(0, MAX_VALUE);
  return value === '' ? fallback : value;
}

const MAX_VALUE = 500;
const COMMON = 'common';

function holeFor(piece: FieldPiece, holes: PersonalHoles): string {
  for (const [name, known] of holes) {
    if (known.field === piece.field && known.fallback === piece.fallback) return name;
  }
  const name = `personal${holes.size}`;
  holes.set(name, piece);
  return name;
}

function withHoles(pieces: readonly Piece[], names: { count: number }): string {
  const next = (): string => hole(`watched${(names.count += 1)}`);
  return pieces
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      if ('field' in piece) return isPersonal(piece.field) ? next() : hole(COMMON);
      return [next(), withHoles(piece.yes, names), next(), withHoles(piece.no, names), next()].join('');
    })
    .join('');
}

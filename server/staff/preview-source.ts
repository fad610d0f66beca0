import type { TextRun } from './preview-message.js';

/** A stretch of a source as it is shown: pieces to read, or what is long and folded. */
export interface SourceBlock {
  readonly pieces: readonly SourcePiece[];
  readonly fold: SourceFold | null;
}

export interface SourcePiece {
  readonly text: string;
  readonly isAdded: boolean;
  readonly isRemoved: boolean;
}

export interface SourceFold {
  readonly kind: TextRun['kind'];
  readonly lines: number;
  readonly bytes: number;
  /** null: nothing to read, or too long for the page. */
  readonly text: string | null;
}

/** So much of what is unchanged stands around each change. */
const CONTEXT_LINES = 10;
const CONTEXT_LENGTH = 1_500;
/** Less is not worth folding. */
const LEAST_FOLDED = 1_000;
/** Folded text on the page, all in all. */
const MOST_FOLDED = 400_000;
/** Lines of base64 in a row that are more than a word or two. */
const LEAST_BASE64 = 8;

/** Folds what is long and unchanged, and base64. */
export function foldSource(runs: readonly TextRun[]): SourceBlock[] {
  let room = MOST_FOLDED;
  const stretches = runs.flatMap(({ kind, text }) => stretchesOf(text).map((stretch) => ({ ...stretch, kind })));
  const blocks = stretches.flatMap((stretch): SourceBlock[] => {
    const { kind, isBase64 } = stretch;
    const [head, middle, tail] = kind === 'kept' || isBase64 ? cut(stretch) : [stretch.text, '', ''];
    const isShown = !isBase64 && middle.length <= room;
    if (isShown) room -= middle.length;
    const bytes = Buffer.byteLength(middle);
    const fold = { kind, lines: linesOf(middle).length, bytes, text: isShown ? middle : null };
    return [
      { pieces: [pieceOf(kind, head)], fold: null },
      ...(middle === '' ? [] : [{ pieces: [], fold }]),
      ...(tail === '' ? [] : [{ pieces: [pieceOf(kind, tail)], fold: null }]),
    ];
  });
  return joinPieces(blocks);
}

function pieceOf(kind: TextRun['kind'], text: string): SourcePiece {
  return { text, isAdded: kind === 'added', isRemoved: kind === 'removed' };
}

function joinPieces(blocks: readonly SourceBlock[]): SourceBlock[] {
  const joined: SourceBlock[] = [];
  for (const block of blocks) {
    const last = joined.at(-1);
    if (last && !last.fold && !block.fold)
      joined[joined.length - 1] = { pieces: [...last.pieces, ...block.pieces], fold: null };
    else joined.push(block);
  }
  return joined;
}

interface Stretch {
  readonly text: string;
  readonly isBase64: boolean;
}

/** Parts base64 from what can be read. */
function stretchesOf(text: string): Stretch[] {
  const lines = linesOf(text);
  const stretches: Stretch[] = [];
  let from = 0;
  let at = 0;
  while (at < lines.length) {
    let to = at;
    while (to < lines.length && isBase64Line(lines[to] ?? '')) to += 1;
    if (to - at >= LEAST_BASE64) {
      if (at > from) stretches.push({ text: lines.slice(from, at).join(''), isBase64: false });
      stretches.push({ text: lines.slice(at, to).join(''), isBase64: true });
      from = to;
    }
    at = to + 1;
  }
  if (from < lines.length) stretches.push({ text: lines.slice(from).join(''), isBase64: false });
  return stretches;
}

function isBase64Line(line: string): boolean {
  return /^[A-Za-z0-9+/]{32,}={0,2}\r?\n?$/.test(line);
}

/** Beginning, middle and end; the middle is empty where the whole is short. */
function cut({ text, isBase64 }: Stretch): [head: string, middle: string, tail: string] {
  const lines = linesOf(text);
  const context = isBase64 ? 2 : CONTEXT_LINES;
  const head = lines.slice(0, context).join('').slice(0, CONTEXT_LENGTH);
  const tail = lines.slice(-context).join('').slice(-CONTEXT_LENGTH);
  const isShort = lines.length <= 2 * context && text.length <= 2 * CONTEXT_LENGTH;
  const middle = isShort ? '' : text.slice(head.length, text.length - tail.length);
  return isShort || (!isBase64 && middle.length < LEAST_FOLDED) ? [text, '', ''] : [head, middle, tail];
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

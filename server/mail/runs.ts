import type { RecipeEdit, Splice } from './recipe.js';

/** A stretch of bytes: as it came, added, or taken away. */
export interface Run {
  readonly kind: 'kept' | 'added' | 'removed';
  readonly bytes: Buffer;
}

/** What ascending, separate changes do to a content, stretch by stretch. */
export function runsOf(content: Buffer, splices: readonly Splice[]): Run[] {
  const runs: Run[] = [];
  let at = 0;
  for (const one of splices) {
    runs.push({ kind: 'kept', bytes: content.subarray(at, one.at) });
    runs.push({ kind: 'removed', bytes: content.subarray(one.at, one.at + one.remove) });
    runs.push({ kind: 'added', bytes: one.bytes });
    at = one.at + one.remove;
  }
  return [...runs, { kind: 'kept' as const, bytes: content.subarray(at) }].filter(({ bytes }) => bytes.length > 0);
}

/** The same of the edits of a recipe, on the decoded text that went out. */
export function runsOfEdits(content: Buffer, edits: readonly RecipeEdit[]): Run[] {
  const runs: Run[] = [];
  let at = 0;
  for (const { offset, length, removed = '' } of edits) {
    runs.push({ kind: 'kept', bytes: content.subarray(at, offset) });
    runs.push({ kind: 'removed', bytes: Buffer.from(removed, 'latin1') });
    runs.push({ kind: 'added', bytes: content.subarray(offset, offset + length) });
    at = offset + length;
  }
  return [...runs, { kind: 'kept' as const, bytes: content.subarray(at) }].filter(({ bytes }) => bytes.length > 0);
}

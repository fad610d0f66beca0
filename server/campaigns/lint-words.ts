import { finding, findingAbout, present, type Finding } from './lint-finding.js';
import { resolveTags } from './resolve-tags.js';

/** What looks like a gap that somebody meant to fill. Each pattern is bounded. */
const GAPS =
  /(?<!\{)\{[a-z][\w. -]{1,30}\}(?!\})|\[(?:your|first|last|company|city|date|insert|imię|nazwa)[\p{L} ]{0,30}\]|\blorem ipsum\b|\bx{4,}\b/giu;

/**
 * Placeholders that nobody fills, and words that somebody forgot. `template`: with its tags, null for a finished message; `seen`: what is read in the mail, with
 * the subject.
 */
export function lintWords(parts: { source: string; template: string | null; seen: string }): Finding[] {
  const unknown = parts.template === null ? [] : unfilled(parts.template);
  const gaps = [...new Set(parts.seen.match(GAPS) ?? [])];
  const found = present([
    findingAbout('words-unfilled', 'stop', parts.source, unknown),
    findingAbout('words-gap', 'look', parts.source, gaps),
  ]);
  return found.length > 0 ? found : [finding('words-good', 'good')];
}

/** Tags that nothing fills, as they stand in it. */
function unfilled(template: string): string[] {
  const { foreign, problems } = resolveTags(template, new Map());
  const broken = problems.map(({ line }) => template.split('\n')[(line ?? 1) - 1]?.trim() ?? '');
  return [...foreign.map(({ tag }) => tag), ...broken];
}

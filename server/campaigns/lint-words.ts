import { Refusal } from '../errors.js';
import { fillPlaceholders, type PlaceholderValues } from '../mail/placeholders.js';
import { finding, findingAbout, present, type Finding } from './lint-finding.js';

const NOTHING: PlaceholderValues = {
  unsubscribeUrl: '',
  preferencesUrl: '',
  list: '',
  organisation: '',
  webVersionUrl: '',
};

/** What looks like a gap that somebody meant to fill. Each pattern is bounded. */
const GAPS =
  /(?<!\{)\{[a-z][\w. -]{1,30}\}(?!\})|\[(?:your|first|last|company|city|date|insert|imię|nazwa)[\p{L} ]{0,30}\]|\blorem ipsum\b|\bx{4,}\b/giu;

/** Placeholders that nobody fills, and words that somebody forgot. `seen`: what is read in the mail, with the subject. */
export function lintWords(parts: { source: string; html: string; text: string; seen: string }): Finding[] {
  const unknown = present([
    unfilled(parts.source, 'html', true),
    unfilled(parts.html, 'html', false),
    unfilled(parts.text, 'text', false),
  ]);
  const gaps = [...new Set(parts.seen.match(GAPS) ?? [])];
  const found = present([unknown[0] ?? null, findingAbout('words-gap', 'look', parts.source, gaps)]);
  return found.length > 0 ? found : [finding('words-good', 'good')];
}

function unfilled(text: string, part: 'html' | 'text', isSource: boolean): Finding | null {
  try {
    fillPlaceholders(text, part, NOTHING);
    return null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { line } = error.facts;
    const [, detail = ''] = /"(.+)"/.exec(error.message) ?? [];
    return finding('words-unfilled', 'stop', { detail, lines: isSource && typeof line === 'number' ? [line] : [] });
  }
}

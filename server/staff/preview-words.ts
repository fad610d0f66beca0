import { unseenPart, type UnseenPart } from './unseen-words.js';

/** Why a message is wrapped or refused: a key below admin.why and, for what is refused, admin.wayOut; and what differs from one to the next. */
export interface WhyPart {
  readonly name: string;
  /** In English, as the engine says it; empty: nothing. */
  readonly detail: string;
  /** Why the footer would not be seen; null: that is not it. */
  readonly unseen: UnseenPart | null;
}

/** The engine's reasons in the words of the catalogs. */
export function whyPart(why: string): WhyPart {
  for (const [pattern, name] of REASONS) {
    const match = pattern.exec(why);
    if (match) return { name, detail: match[1] ?? '', unseen: name === 'unseen' ? unseenPart(match[1] ?? '') : null };
  }
  return { name: 'unlisted', detail: why, unseen: null };
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^it is signed or encrypted$/, 'sealed'],
  [/^it has no text of its own$/, 'no-text'],
  [/^its AMP part would hide the footer$/, 'amp'],
  [/^its last alternative has no text that can be added to$/, 'alternative'],
  [/^programs do not agree on what its header says$/, 'ambiguous'],
  [/^a text has the encoding "(.*)"$/s, 'encoding'],
  [/^a text is not valid base64$/, 'base64'],
  [/^a text in (.*) cannot be read$/s, 'charset'],
  [/^the footer would not be seen: (.*)$/s, 'unseen'],
  [/^it contains a NUL byte$/, 'nul'],
  [/^it has no header$/, 'no-header'],
  [/^From must be at (.*)$/s, 'domain'],
  [/^(?:its From must be exactly one|it must have exactly one From)/, 'from'],
  [/^((?:its header has|a line of its header is|it goes in a circle|it names a list) .*)$/s, 'header'],
  [/^((?:it has more than|its parts are nested|a header has more than|a text has more than) .*)$/s, 'too-much'],
];

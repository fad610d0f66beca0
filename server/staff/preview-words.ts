/** Why a message is wrapped or refused: a key below admin.why and, for what is refused, admin.wayOut; and what differs from one to the next. */
export interface WhyPart {
  readonly name: string;
  /** In English, as the engine says it; empty: nothing. */
  readonly detail: string;
}

/** The engine's reasons in the words of the catalogs. */
export function whyPart(why: string): WhyPart {
  for (const [pattern, name] of REASONS) {
    const match = pattern.exec(why);
    if (match) return { name, detail: match[1] ?? '' };
  }
  return { name: 'unlisted', detail: why };
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^it is signed or encrypted$/, 'sealed'],
  [/^it has no text of its own$/, 'no-text'],
  [/^its AMP part would hide the footer$/, 'amp'],
  [/^programs do not agree on what its header says$/, 'ambiguous'],
  [/^a text has the encoding "(.*)"$/s, 'encoding'],
  [/^a text is not valid base64$/, 'base64'],
  [/^a text in (.*) cannot be read$/s, 'charset'],
  [/^the footer would not be seen: (.*)$/s, 'unseen'],
  [/^it contains a NUL byte$/, 'nul'],
  [/^it has no header$/, 'no-header'],
  [/^(?:it has more than|its parts are nested|a header has more than|a text has more than) /, 'too-much'],
];

/** Why a footer would not be seen: a key below admin.unseen, and what differs from one to the next. */
export interface UnseenPart {
  readonly name: string;
  /** A tag, a style, an address; empty: nothing. */
  readonly part: string;
  /** Where it stands, such as `<div>`; empty: nowhere in particular. */
  readonly place: string;
}

/** The proof's reasons (mail/visible.ts) in the words of the catalogs. */
export function unseenPart(why: string): UnseenPart {
  for (const [pattern, name] of REASONS) {
    const match = pattern.exec(why);
    if (match) return { name, part: match[1] ?? '', place: match[2] ?? '' };
  }
  return { name: 'unlisted', part: why, place: '' };
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^it is nested too deep$/, 'deep'],
  [/^it stands inside (<.*>)$/s, 'inside'],
  [/^the style "(.*)" on (<.*>) hides it$/s, 'style'],
  [/^what (::\w+) of (<.*>) shows may cover it$/s, 'covered'],
  [/^the style of the first line of (<.*>) may hide it$/s, 'first-line'],
  [/^its letters have the colour of the background$/, 'colour'],
  [/^a box that comes after it, (<.*>), may lie over it$/s, 'laid-over'],
  [/^something before it is not closed$/, 'unclosed'],
  [/^the style sheet "(.*)", which is not in the mail, could hide it$/s, 'sheet'],
  [/^it has no words$/, 'no-words'],
  [/^it is not in the body$/, 'not-in-body'],
  [/^a comment before it is not closed/, 'comment'],
  [/^a quotation mark in (<.*>) before it is not closed$/s, 'quotation'],
  [/^(<.*>) before it is not closed$/s, 'element'],
  [/^the page has no place for it/, 'no-place'],
];

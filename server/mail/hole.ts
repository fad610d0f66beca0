/*
 * A hole is a place in a text that is filled for each recipient. It is marked with two noncharacters (U+FDD0, U+FDD1),
 * which Unicode keeps for use inside a program: no text from outside may hold one.
 */

/** The mark that stands for the value `name` until it is filled. */
export function hole(name: string): string {
  if (!/^\w{1,40}$/.test(name)) throw new RangeError(`not a name of a hole: ${name}`);
  return `\ufdd0${name}\ufdd1`;
}

/** True when a text holds a mark, or a part of one. */
export function hasHole(text: string): boolean {
  return /[\ufdd0\ufdd1]/.test(text);
}

/** A text cut at its holes: text, name, text, name, ..., text; always an odd number. */
export function cutAtHoles(text: string): string[] {
  return text.split(/\ufdd0(\w{1,40})\ufdd1/);
}

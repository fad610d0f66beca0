import type { Problem } from '../campaigns/problem.js';
import { unseenPart, type UnseenPart } from './unseen-words.js';

/** A mistake in a template, as screens say it. */
export interface ProblemPart extends Pick<Problem, 'line' | 'reason'> {
  /** What differs from one to the next; the words around it stand in the catalogs. */
  readonly detail: string;
  /** Why the footer would not be seen; null: that is not it. */
  readonly unseen: UnseenPart | null;
}

export function problemPart({ line, reason, message }: Problem): ProblemPart {
  const tag = /^nothing fills "(.*)"\. These/s.exec(message)?.[1];
  const why = /^The unsubscribe footer would not be seen: (.*)\. Correct the HTML/s.exec(message)?.[1];
  return { line, reason, detail: tag ?? why ?? message, unseen: why === undefined ? null : unseenPart(why) };
}

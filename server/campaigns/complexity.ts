import { parse } from 'parse5';
import { isHeavy, sheetsOf } from '../mail/sheets.js';
import { refuseTemplate } from './problem.js';

/** Large newsletters have 5,000. */
const MAX_ELEMENTS = 10_000;

/** Throws `template-refused` for a page that takes longer to look at than anybody waits: what reads it would stop the service meanwhile (T11). */
export function refuseComplex(html: string): void {
  const elements = html.match(/<[a-z]/gi)?.length ?? 0;
  if (elements <= MAX_ELEMENTS) {
    const document = parse(html);
    if (!isHeavy(document, sheetsOf(document))) return;
  }
  const message = 'The page has too many elements, or too many style rules for its elements. Make it simpler.';
  throw refuseTemplate([{ line: null, reason: 'page-complex', message }]);
}

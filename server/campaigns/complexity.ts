import { refuseTemplate } from './problem.js';

/** Elements of a page; large newsletters have 5,000. */
const MAX_ELEMENTS = 10_000;
/** Each element is held against each rule of its style sheets: so many pairs are looked at. */
const MAX_PAIRS = 10_000_000;

/** Throws `template-refused` for a page that takes longer to look at than anybody waits: what reads it would stop the service meanwhile (T11). */
export function refuseComplex(html: string): void {
  const elements = html.match(/<[a-z]/gi)?.length ?? 0;
  const rules = html.match(/\{/g)?.length ?? 0;
  if (elements <= MAX_ELEMENTS && elements * rules <= MAX_PAIRS) return;
  const message = 'The page has too many elements, or too many style rules for its elements. Make it simpler.';
  throw refuseTemplate([{ line: null, reason: 'page-complex', message }]);
}

import { Refusal } from '../errors.js';
import type { WrongPlace } from '../mail/hole-places.js';

/** What is wrong with a template or a subject; each has a text of its own on the upload page. */
export type ProblemReason =
  | 'too-large'
  | 'not-utf8'
  | 'controls'
  | 'unknown-format'
  | 'not-mjml'
  | 'nothing-to-see'
  | 'include'
  | 'mjml'
  | 'mjml-broken'
  | 'markdown-broken'
  | 'page-complex'
  | 'placeholder'
  | 'footer'
  | 'subject-missing'
  | 'subject-long'
  | 'subject-controls'
  | 'preheader-long'
  | 'preheader-controls'
  | 'preheader-message'
  | 'no-file'
  | 'message'
  | 'too-large-message'
  | 'zip-large'
  | 'zip-many'
  | 'zip-path'
  | 'zip-link'
  | 'zip-encrypted'
  | 'zip-broken'
  | 'zip-twice'
  | 'zip-bomb'
  | 'zip-unpacked'
  | 'zip-overlap'
  | 'zip-no-page'
  | 'zip-pages'
  | 'pictures-large'
  | 'pictures-too-large'
  | 'picture-missing'
  | 'picture-gone'
  | 'picture-type'
  | 'picture-script'
  | 'tags-many'
  | 'tag-loop'
  | 'tag-partial'
  | 'tag-program'
  | 'condition-open'
  | 'condition-stray'
  | 'condition-lost'
  | 'condition-many'
  | `place-${WrongPlace}`
  | 'style-remote'
  | 'style-local'
  | 'style-broken'
  | 'name'
  | 'unlisted';

/** One reason why a template cannot be sent. */
export interface Problem {
  /** In the uploaded file, from 1; null where no line is to blame. */
  readonly line: number | null;
  readonly reason: ProblemReason;
  /** English, for the command line and the API. */
  readonly message: string;
}

/** A `template-refused` that names all problems at once. */
export function refuseTemplate(problems: readonly Problem[]): Refusal {
  const text = problems.map(({ line, message }) => (line === null ? message : `Line ${line}: ${message}`)).join('\n');
  return new Refusal('template-refused', text, { problems });
}

/** The problems that a refusal names; one from another place counts as one problem. */
export function problemsOf(refusal: Refusal): readonly Problem[] {
  const { problems, line, why } = refusal.facts;
  if (Array.isArray(problems)) return problems as Problem[];
  if (typeof line === 'number')
    return [{ line, reason: 'placeholder', message: refusal.message.replace(/^Line \d+: /, '') }];
  return [{ line: null, reason: typeof why === 'string' ? 'footer' : 'unlisted', message: refusal.message }];
}

/** Why a value of one person, or a condition on one, must not stand where it stands (T11). */
export const PLACES: Readonly<Record<WrongPlace, Pick<Problem, 'reason' | 'message'>>> = {
  url: place('url', 'stands in a link or an image address, where others could read it: take it out'),
  style: place('style', 'stands in a style or a script: take it out'),
  tag: place('tag', 'stands inside a tag: only texts and quoted attributes for people may hold one'),
  attribute: place('attribute', 'stands in an attribute that is no text for people: take it out'),
  unquoted: place('unquoted', 'stands in an attribute without quotation marks: put them around it'),
  torn: place('torn', 'stands between the rows of a table: put it inside a cell'),
};

function place(why: WrongPlace, words: string): Pick<Problem, 'reason' | 'message'> {
  return { reason: `place-${why}`, message: `A value of one person, or a condition, ${words}.` };
}

import { Refusal } from '../errors.js';

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
  | 'placeholder'
  | 'footer'
  | 'subject-missing'
  | 'subject-long'
  | 'subject-controls'
  | 'no-file'
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

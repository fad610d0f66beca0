import { Refusal } from '../errors.js';
import { escapeHtml } from './escape.js';
import { hasHole } from './hole.js';

/** What a template may ask for; URLs may be marks of holes. */
export interface PlaceholderValues {
  readonly unsubscribeUrl: string;
  readonly preferencesUrl: string;
  readonly list: string;
  readonly organisation: string;
  /** Where the mail can be read as a page. */
  readonly webVersionUrl: string;
}

/**
 * Fills `{{unsubscribe_url}}`, `{{preferences_url}}`, `{{list}}`, `{{organisation}}` and `{{web_version_url}}` (also as editors write them into
 * links, `%7B%7B...%7D%7D`). Throws `template-refused`, with the line, for any other merge tag of the usual mailing
 * systems: it would go out unfilled.
 */
export function fillPlaceholders(source: string, part: 'text' | 'html', values: PlaceholderValues): string {
  if (hasHole(source))
    throw new Refusal('template-refused', 'The template contains characters that stand for nothing.');
  const known = new Map([
    ['unsubscribe_url', values.unsubscribeUrl],
    ['preferences_url', values.preferencesUrl],
    ['list', values.list],
    ['organisation', values.organisation],
    ['web_version_url', values.webVersionUrl],
  ]);
  refuseOthers(source, known);
  return source.replace(OURS, (tag, plain?: string, escaped?: string) => {
    const value = known.get(plain ?? escaped ?? '') ?? tag;
    return part === 'html' ? escapeHtml(value) : value;
  });
}

const OURS = /(?<!\{)\{\{ ?(\w{1,40}) ?\}\}(?!\})|%7B%7B(?:%20)?(\w{1,40}?)(?:%20)?%7D%7D/gi;

/** Merge tags of mailing systems. Each pattern is bounded, so that reading stays linear. */
const FOREIGN = new RegExp(
  [
    String.raw`\{\{[^{}\n]{0,200}\}\}|\{\{|\{%[^%\n]{0,200}%\}|\*\|[^|\n]{1,200}\|\*|\[\[[^\]\n]{1,200}\]\]`,
    String.raw`%%[^%\s]{1,80}%%|<%[^%\n]{1,200}%>|\$\{[^{}\n]{1,200}\}|\{\$[\w.]{1,80}\}|%7B%7B`,
    String.raw`%[A-Z][A-Z_]{3,40}%(?![0-9A-Fa-f]{2})|%recipient\.\w{1,40}%|\[%[^%\n]{1,80}%\]`,
    String.raw`\[(?:FNAME|LNAME|EMAIL|NAME|FIRSTNAME|LASTNAME|UNSUBSCRIBE)\]`,
  ].join('|'),
  'g',
);

function refuseOthers(source: string, known: ReadonlyMap<string, string>): void {
  // Ours are blanked out, keeping line breaks and lengths, so that only foreign ones are left to be found.
  const rest = source.replace(OURS, (tag, plain?: string, escaped?: string) =>
    known.has(plain ?? escaped ?? '') ? ' '.repeat(tag.length) : tag,
  );
  const foreign = FOREIGN.exec(rest) ?? null;
  FOREIGN.lastIndex = 0;
  if (!foreign) return;
  const line = source.slice(0, foreign.index).split('\n').length;
  const works = [...known.keys()].map((name) => `{{${name}}}`).join(', ');
  throw new Refusal(
    'template-refused',
    `Line ${line}: nothing fills "${foreign[0].slice(0, 60)}". These work: ${works}.`,
    { line },
  );
}

import { extname } from 'node:path';
import { parse } from 'parse5';
import { hasHole, hole } from '../mail/hole.js';
import { htmlToText } from '../mail/html-to-text.js';
import { nodesOf, textOf as wordsOf } from '../mail/nodes.js';
import { fillPlaceholders } from '../mail/placeholders.js';
import { blankComments } from './comments.js';
import { compileMjml } from './mjml.js';
import { refuseTemplate, type ProblemReason } from './problem.js';

/** A template as a mail's two parts, before the footer; placeholders such as `{{list}}` still stand in them. */
export interface Rendered {
  readonly format: 'html' | 'mjml';
  readonly html: string;
  readonly text: string;
  /** Of `<title>` or `mj-title`; '' when there is none. */
  readonly title: string;
}

/** An uploaded file above this is refused, in bytes. */
export const MAX_SOURCE_BYTES = 2_000_000;

/**
 * Reads an uploaded `.html` or `.mjml` file. Nothing in it is executed: only the placeholders of mail/placeholders.ts are
 * known, and files are never included. Throws `template-refused` with lines.
 */
export async function renderTemplate(fileName: string, source: string): Promise<Rendered> {
  const format = formatOf(fileName, source);
  // First in the file itself, so that the lines are those that the marketer sees.
  fillPlaceholders(source, 'html', MARKS);
  const html = format === 'mjml' ? await compileMjml(source) : source;
  const text = textOf(html);
  if (text.trim() === '' && !/<img\b/i.test(html))
    throw refuse('nothing-to-see', 'The file shows no text and no image.');
  return { format, html, text, title: titleOf(html) };
}

/** The text of a file. Sizes first. Throws `template-refused`. */
export function readSource(bytes: Buffer): string {
  if (bytes.length > MAX_SOURCE_BYTES) throw refuse('too-large', 'The file is larger than 2 MB.');
  const source = decode(bytes);
  const control = /[\0-\x08\x0b\x0e-\x1f\x7f]/.exec(source);
  if (control || hasHole(source)) {
    const line = control ? source.slice(0, control.index).split('\n').length : null;
    throw refuseTemplate([{ line, reason: 'controls', message: 'There is a control character, which no text has.' }]);
  }
  return source;
}

const MARKS = {
  unsubscribeUrl: hole('unsubscribe_url'),
  preferencesUrl: hole('preferences_url'),
  list: hole('list'),
  organisation: hole('organisation'),
  webVersionUrl: hole('web_version_url'),
};

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('not-utf8', 'The file is not UTF-8: save it as UTF-8 and upload it again.');
  }
}

function formatOf(fileName: string, source: string): 'html' | 'mjml' {
  const ending = extname(fileName).toLowerCase();
  const isMjml = /^\s*(?:<\?xml[^>]{0,200}\?>\s*)?<mjml[\s>]/i.test(blankComments(source));
  if (!['.html', '.htm', '.mjml'].includes(ending)) {
    throw refuse('unknown-format', 'Only files that end in .html, .htm or .mjml can be sent.');
  }
  if (isMjml) return 'mjml';
  if (ending === '.mjml') throw refuse('not-mjml', 'The file ends in .mjml but does not begin with <mjml>.');
  if (!/<[a-z][a-z0-9]*[\s/>]/i.test(source)) throw refuse('unknown-format', 'The file holds no HTML.');
  return 'html';
}

/** Links to placeholders must count as links, so they are written as holes and turned back. */
export function textOf(html: string): string {
  return htmlToText(fillPlaceholders(html, 'html', MARKS)).replace(/\ufdd0(\w{1,40})\ufdd1/g, '{{$1}}');
}

function titleOf(html: string): string {
  for (const node of nodesOf(parse(html))) {
    if ('tagName' in node && node.tagName === 'title') return wordsOf(node).replace(/\s+/g, ' ').trim();
  }
  return '';
}

function refuse(reason: ProblemReason, message: string) {
  return refuseTemplate([{ line: null, reason, message }]);
}

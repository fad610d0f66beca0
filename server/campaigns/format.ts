import { extname } from 'node:path';
import { blankComments } from './comments.js';
import { refuseTemplate, type ProblemReason } from './problem.js';

/** What a campaign was made from; `zip` and `message` are read from bytes, the others from text. */
export type CampaignFormat = 'html' | 'mjml' | 'markdown' | 'message' | 'zip';

/** No file of any format is larger, in bytes. */
export const MAX_UPLOAD_BYTES = 20_000_000;

/** By its ending, for what is no text; null: a text, see `textFormat`. */
export function binaryFormat(fileName: string): 'message' | 'zip' | null {
  const ending = extname(fileName).toLowerCase();
  if (ending === '.eml') return 'message';
  return ending === '.zip' ? 'zip' : null;
}

/** The format of a text: the ending says what may stand in it, and the content what it is. Throws `template-refused`. */
export function textFormat(fileName: string, source: string): 'html' | 'mjml' | 'markdown' {
  const ending = extname(fileName.toLowerCase().replace(/\.(?:hbs|handlebars)$/, '') || fileName).toLowerCase();
  const isTemplate = /\.(?:hbs|handlebars)$/i.test(fileName);
  if (['.md', '.markdown'].includes(ending)) return 'markdown';
  if (!['.html', '.htm', '.mjml'].includes(ending) && !(isTemplate && ending === '')) {
    throw refuse('unknown-format', 'Only files that end in .html, .htm, .mjml, .hbs, .md, .eml or .zip can be sent.');
  }
  if (
    /^\s*(?:<\?xml[^>]{0,200}\?>\s*)?<mjml[\s>]/i.test(
      blankComments(source).replace(/^\s*(?:\{\{![^}]{0,500}\}\}\s*)*/, ''),
    )
  )
    return 'mjml';
  if (ending === '.mjml') throw refuse('not-mjml', 'The file ends in .mjml but does not begin with <mjml>.');
  if (!/<[a-z][a-z0-9]*[\s/>]/i.test(source)) throw refuse('unknown-format', 'The file holds no HTML.');
  return 'html';
}

function refuse(reason: ProblemReason, message: string) {
  return refuseTemplate([{ line: null, reason, message }]);
}

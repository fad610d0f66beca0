/** What a text is that is no message: HTML, MJML and, by its file's name, plain text; null: a message. */
export function documentType(raw: Buffer, path: string): DocumentType | null {
  const start = raw.toString('latin1', 0, 4_096);
  const isMarkup = /^(?:\xef\xbb\xbf)?\s*</.test(start);
  if (/\.mjml$/i.test(path) || (isMarkup && /<mjml[\s>]/i.test(start))) return 'text/mjml';
  if (isMarkup) return 'text/html';
  const isMessage = /^(?:>?From [^\n]*\n)?[!-9;-~]+[ \t]*:/.test(start);
  if (!isMessage && /\.(?:html?|hbs|twig)$/i.test(path)) return 'text/html';
  return !isMessage && /\.txt$/i.test(path) ? 'text/plain' : null;
}

export type DocumentType = 'text/mjml' | 'text/html' | 'text/plain';

/** A text without a header, such as a template, as the one part of a message; its first `headBytes` are the header that it got. */
export function asMessage(
  raw: Buffer,
  type: Exclude<DocumentType, 'text/mjml'>,
): { readonly message: Buffer; readonly headBytes: number } {
  const lines = `Content-Type: ${type}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n`;
  const head = Buffer.from(raw.includes('\r\n') ? lines.replace(/\n/g, '\r\n') : lines);
  return { message: Buffer.concat([head, raw]), headBytes: head.length };
}

/** Text for HTML content or a quoted attribute. */
export function escapeHtml(text: string): string {
  if (!/[&<>"']/.test(text)) return text;
  return text.replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark);
}

/**
 * The same HTML in ASCII: everything else as numeric references, so that it reads the same in every charset that extends
 * ASCII (F-16). Hole marks stay.
 */
export function asciiHtml(html: string): string {
  if (/^[\0-\x7f]*$/.test(html)) return html;
  return html.replace(/[^\0-\x7f\ufdd0\ufdd1]/gu, (letter) => `&#${letter.codePointAt(0) ?? 0xfffd};`);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

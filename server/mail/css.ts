/** Declarations by property, in lower case; `important` apart from the value. */
export type Declarations = ReadonlyMap<string, { readonly value: string; readonly important: boolean }>;

/** A rule of a style sheet. */
export interface Rule {
  readonly selectors: readonly string[];
  /** Inside @media, @supports or another condition. */
  readonly conditional: boolean;
  readonly declarations: Declarations;
}

/** Of style attributes that come again and again, as the footer's own. */
const known = new Map<string, Declarations>();
const MAX_KNOWN = 100;

/** Declarations of a `style` attribute or of a rule's block. Later ones win, important ones first. Never throws. */
export function parseDeclarations(text: string): Declarations {
  const parsed = known.get(text);
  if (parsed) return parsed;
  const read = readDeclarations(text);
  if (known.size >= MAX_KNOWN) known.clear();
  if (text.length <= 2_000) known.set(text, read);
  return read;
}

function readDeclarations(text: string): Declarations {
  const found = new Map<string, { value: string; important: boolean }>();
  for (const part of splitOutside(plain(text), ';')) {
    const colon = part.indexOf(':');
    if (colon < 0) continue;
    const property = part.slice(0, colon).trim().toLowerCase();
    const whole = part
      .slice(colon + 1)
      .trim()
      .toLowerCase();
    const value = whole.replace(/ ?! ?important$/, '');
    const important = value !== whole;
    if (important || found.get(property)?.important !== true) found.set(property, { value, important });
  }
  return found;
}

/** The rules of a style sheet, flat, in order, one after the other. A reader for finding what hides, not for rendering. Never throws. */
export function* parseRules(css: string): Generator<Rule> {
  const open: string[] = [];
  // Counted, for a hostile sheet opens thousands.
  let conditions = 0;
  for (const { text, brace } of cutAtBraces(plain(css).replace(/<!--|-->/g, ' '))) {
    const prelude = open.at(-1) ?? '';
    if (prelude !== '' && !isCondition(prelude)) {
      const declarations = parseDeclarations(text);
      yield { selectors: splitOutside(prelude, ','), declarations, conditional: conditions > 0 };
    }
    if (brace === '{') {
      const next = text.slice(text.lastIndexOf(';') + 1).trim();
      if (isCondition(next)) conditions += 1;
      open.push(next);
    } else if (isCondition(open.pop() ?? '')) conditions -= 1;
  }
}

function isCondition(prelude: string): boolean {
  return prelude.startsWith('@');
}

/** The addresses of the sheets that a style sheet asks for, with `@import`. */
export function importsOf(css: string): string[] {
  const bare = css.replace(/\/\*[^]*?(?:\*\/|$)/g, ' ');
  if (/@\w*\\/.test(bare)) return ['@import in disguise'];
  return [...bare.matchAll(/@import\s*(?:url\(\s*)?["']?([^"')\s;]*)/gi)].map(([, url = '']) => url);
}

function* cutAtBraces(css: string): Generator<{ text: string; brace: string }> {
  let start = 0;
  for (const { 0: brace, index } of css.matchAll(/[{}]/g)) {
    yield { text: css.slice(start, index), brace };
    start = index + 1;
  }
  yield { text: css.slice(start), brace: '' };
}

/** Parts between separators that are not in parentheses or brackets, trimmed. One pass, however long the text. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: mark, index } of text.matchAll(/[()[\];,]/g)) {
    if (mark === '(' || mark === '[') depth += 1;
    else if (mark === ')' || mark === ']') depth = Math.max(0, depth - 1);
    else if (mark === separator && depth === 0) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  return [...parts, text.slice(start).trim()];
}

/** Comments, strings and bare URLs: each may hold what looks like another, so that one pass must tell them apart. CSS Syntax 3, 4.3. */
const OPAQUE =
  /\/\*[^]*?(?:\*\/|$)|"(?:\\[^]|[^"\\\n\r\f])*"?|'(?:\\[^]|[^'\\\n\r\f])*'?|(?<![\w\\\u0080-\uffff-])url\((?!\s*["'])(?:\\[^]|[^)\\])*\)?/gi;

/** Without comments and escapes, blanks as single spaces; what strings and URLs hold is no structure. */
function plain(css: string): string {
  return css
    .replace(OPAQUE, (token) => (token.startsWith('/*') ? ' ' : token.replace(/[{};,[\]()]/g, '_')))
    .replace(/\\([0-9a-fA-F]{1,6})\s?/g, (_, hex: string) => character(Number.parseInt(hex, 16)))
    .replace(/\\/g, '')
    .replace(/\s+/g, ' ');
}

function character(code: number): string {
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}

/**
 * A page whose media queries win over the styles of its elements: such a style beats any rule without `!important`, so those of media queries get it. What a hostile
 * sheet makes of this takes long: for a thread with a time limit only (T11).
 */
export function emphasiseQueries(html: string): string {
  return html.replace(SHEET, (_, start: string, css: string, end: string) => start + emphasise(css) + end);
}

const SHEET = /(<style\b[^>]*>)([^]*?)(<\/style>)/gi;

function emphasise(css: string): string {
  let text = '';
  let at = 0;
  for (let start = css.indexOf('@media'); start !== -1; start = css.indexOf('@media', at)) {
    const open = css.indexOf('{', start);
    const end = open === -1 ? -1 : endOfBlock(css, open);
    if (end === -1) break;
    text += css.slice(at, open + 1) + emphasiseRules(css.slice(open + 1, end));
    at = end;
  }
  return text + css.slice(at);
}

function endOfBlock(css: string, open: number): number {
  let depth = 0;
  for (let at = open; at < css.length; at += 1) {
    if (css[at] === '{') depth += 1;
    else if (css[at] === '}') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}

function emphasiseRules(rules: string): string {
  return rules.replace(/\{([^{}]*)\}/g, (_, declarations: string) => `{${emphasiseEach(declarations)}}`);
}

/** Strings and comments, what parts declarations, and what is between: in one pass, however long. CSS Syntax 3, 4.3. */
const TOKEN = /\/\*[^]*?(?:\*\/|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?|[();]|[^"'();/]+|\//g;

function emphasiseEach(declarations: string): string {
  let text = '';
  let [one, depth] = [NOTHING, 0];
  for (const [token] of declarations.matchAll(TOKEN)) {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    if (token === ';' && depth <= 0) {
      text += emphasiseOne(one) + token;
      [one, depth] = [NOTHING, 0];
    } else one = withToken(one, token);
  }
  return text + emphasiseOne(one);
}

interface Declaration {
  readonly whole: string;
  /** Without comments. */
  readonly bare: string;
  /** Where in the whole its value ends; blanks and comments follow. */
  readonly end: number;
}

const NOTHING: Declaration = { whole: '', bare: '', end: 0 };

function withToken({ whole, bare, end }: Declaration, token: string): Declaration {
  if (token.startsWith('/*')) return { whole: whole + token, bare: `${bare} `, end };
  const isBlank = token.trim() === '';
  return { whole: whole + token, bare: bare + token, end: isBlank ? end : whole.length + token.trimEnd().length };
}

function emphasiseOne({ whole, bare, end }: Declaration): string {
  if (!/^\s*[\w-]+\s*:\s*\S/.test(bare) || /!\s*important$/i.test(bare.trimEnd())) return whole;
  return `${whole.slice(0, end)} !important${whole.slice(end)}`;
}

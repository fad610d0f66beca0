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
  return rules.replace(
    /\{([^{}]*)\}/g,
    (_, declarations: string) => `{${declarations.replace(DECLARATION, important)}}`,
  );
}

const DECLARATION = /([\w-]+\s*:\s*)((?:[^;{}"'()/]|"[^"\n]*"|'[^'\n]*'|\([^()]*\)|\/(?!\*))+?)(\s*)(?=;|\/\*|$)/g;

function important(all: string, name: string, value: string, blank: string): string {
  return /!\s*important\s*$/i.test(value) ? all : `${name}${value} !important${blank}`;
}

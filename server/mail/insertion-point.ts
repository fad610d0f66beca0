import { Parser, type DefaultTreeAdapterMap, type Token } from 'parse5';

/**
 * Where a footer goes into an HTML text, in UTF-16 units: before the last `</body>` that is one for the parser (not text
 * in a comment, script, style, title, textarea, noscript, template or attribute), else before the last `</html>`, else at
 * the end. F-11; never parse-and-serialise.
 */
export function insertionPoint(html: string): number {
  const finder = new EndTagFinder({ sourceCodeLocationInfo: true });
  finder.tokenizer.write(html, true);
  return finder.found.get('body') ?? finder.found.get('html') ?? html.length;
}

class EndTagFinder extends Parser<DefaultTreeAdapterMap> {
  readonly found = new Map<string, number>();

  override onEndTag(token: Token.TagToken): void {
    if (token.location && this.openElements.tmplCount === 0) this.found.set(token.tagName, token.location.startOffset);
    super.onEndTag(token);
  }
}

import { parse } from 'parse5';
import { importsOf } from '../mail/css.js';
import { attributeOf, nodesOf, textOf } from '../mail/nodes.js';
import { FONTS } from '../mail/visible.js';
import type { Problem } from './problem.js';

/** Style sheets that a page would fetch, each a problem: mail programs fetch none, and what is not in the mail could hide its footer. Fonts may be fetched. */
export function fetchedSheets(html: string): Problem[] {
  const found: Problem[] = [];
  for (const node of nodesOf(parse(html, { sourceCodeLocationInfo: true }))) {
    if (!('tagName' in node)) continue;
    const line = node.sourceCodeLocation?.startLine ?? null;
    const isSheet = node.tagName === 'link' && /\bstylesheet\b/i.test(attributeOf(node, 'rel') ?? '');
    const urls = isSheet ? [attributeOf(node, 'href') ?? ''] : node.tagName === 'style' ? importsOf(textOf(node)) : [];
    for (const url of urls) {
      const problem = problemOf(url.trim(), line);
      if (problem) found.push(problem);
    }
    if (found.length >= 20) break;
  }
  return found;
}

function problemOf(url: string, line: number | null): Problem | null {
  if (url === '' || FONTS.test(url)) return null;
  const shown = url.slice(0, 80);
  if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(url)) {
    const message = `The style sheet "${shown}" is not in the file, and is not fetched: put its rules into a <style>.`;
    return { line, reason: 'style-remote', message };
  }
  const message = `The style sheet "${shown}" did not come along: put its rules into a <style>, or upload both as a .zip.`;
  return { line, reason: 'style-local', message };
}

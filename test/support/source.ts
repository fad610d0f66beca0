import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../../server/config.js';

/** One parsed TypeScript file. `path` is relative to the project, with slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** One import, export-from or import() of a file. `to` is a path like `Source.path` when it is ours, else the package's name as written. */
export interface Import {
  readonly to: string;
  readonly isOurs: boolean;
  /** `import type`: leaves nothing behind when compiled. `import { type A }` does, so it is a value import. */
  readonly isType: boolean;
  readonly names: readonly string[];
  readonly where: string;
}

/** A string or template of a file, holes written as `${}`. */
export interface Literal {
  readonly text: string;
  /** File and line of a place in the literal's text. */
  whereOf(offset: number): string;
}

/** All TypeScript files below these folders (or these files themselves), parsed. */
export function readSources(...places: string[]): Source[] {
  return places.flatMap((place) => filesBelow(place)).map(readSource);
}

/** One parsed file. */
export function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true) };
}

/** Every node of a file, parents before children. */
export function nodesOf(source: Source): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return nodes;
}

/** `path:line` of a node. */
export function whereIs(source: Source, node: ts.Node): string {
  return lineAt(source, node.getStart(source.tree));
}

/** What a file imports, from anywhere. */
export function importsOf(source: Source): Import[] {
  return nodesOf(source).flatMap((node) => {
    const found = importOf(node);
    if (!found) return [];
    const isOurs = found.from.startsWith('.');
    const to = isOurs
      ? posix.join(posix.dirname(source.path), found.from).replace(/\.js$/, '.ts')
      : found.from.replace(/^node:/, '');
    return [{ to, isOurs, isType: found.isType, names: found.names, where: whereIs(source, node) }];
  });
}

/** Every string and template of a file. */
export function literalsOf(source: Source): Literal[] {
  return nodesOf(source).flatMap((node) => {
    if (!ts.isStringLiteralLike(node) && !ts.isTemplateExpression(node)) return [];
    const text = ts.isTemplateExpression(node)
      ? node.head.text + node.templateSpans.map((span) => '${}' + span.literal.text).join('')
      : node.text;
    const first = source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1;
    const whereOf = (offset: number): string =>
      `${source.path}:${first + text.slice(0, offset).split('\n').length - 1}`;
    return [{ text, whereOf }];
  });
}

/** `path:line` of an offset in a file's text. */
export function lineAt(source: Source, offset: number): string {
  return `${source.path}:${source.tree.getLineAndCharacterOfPosition(offset).line + 1}`;
}

function importOf(node: ts.Node): { from: string; isType: boolean; names: string[] } | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.importClause;
    const named = clause?.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : [];
    const names = [...named].map((one) => (one.propertyName ?? one.name).text);
    return { from: node.moduleSpecifier.text, isType: clause?.phaseModifier === ts.SyntaxKind.TypeKeyword, names };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier))
    return { from: node.moduleSpecifier.text, isType: node.isTypeOnly, names: [] };
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [from] = node.arguments;
    return from && ts.isStringLiteralLike(from) ? { from: from.text, isType: false, names: [] } : null;
  }
  return null;
}

function filesBelow(place: string): string[] {
  if (place.endsWith('.ts')) return [place];
  return readdirSync(join(ROOT, place), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${place}/${name.replaceAll('\\', '/')}`)
    .sort();
}

import { Refusal } from '../errors.js';
import { hasHole } from './hole.js';
import { readTag, type TemplateTag } from './template-tag.js';

/** A template, read: text, fields, and places that some get and others do not. */
export type Piece = string | FieldPiece | Choice;

export interface FieldPiece {
  readonly field: string;
  /** For those of whom nothing is known. */
  readonly fallback: string;
}

export interface Choice {
  /** The field that says which branch somebody gets: `yes`, when there is a value. */
  readonly when: string;
  readonly yes: readonly Piece[];
  readonly no: readonly Piece[];
}

/** `{{...}}`, with one brace more or less: values are always escaped. A backslash before it makes it text. */
const TAG = /(\\)?\{\{\{?(!--[^]{0,5000}?--|[^{}]{0,300})\}?\}\}|(\\)?\{\{/g;
const MAX_DEPTH = 8;

/**
 * Reads a text with `{{...}}` in it. Nothing is executed: see `readTag` for all that there is. Throws `template-refused`, with the line, for anything else between
 * braces: it would go out as it stands.
 */
export function readTemplate(source: string): Piece[] {
  if (hasHole(source))
    throw new Refusal('template-refused', 'The template contains characters that stand for nothing.');
  const reader = new Reader(source);
  let at = 0;
  for (const match of withoutEncoded(source).matchAll(TAG)) {
    reader.text(source.slice(at, match.index));
    at = match.index + match[0].length;
    const tag = match[2] === undefined ? null : readTag(match[2]);
    if (match[0].startsWith('\\')) reader.text(match[0].slice(1));
    else if (tag === null) throw reader.unknown(match[0], match.index);
    else reader.tag(tag, match.index);
  }
  reader.text(source.slice(at));
  return reader.end();
}

/** The fields that decide which branches a recipient gets, each once. */
export function fieldsAsked(pieces: readonly Piece[]): string[] {
  const asked = pieces.flatMap((piece) =>
    typeof piece === 'object' && 'when' in piece
      ? [piece.when, ...fieldsAsked(piece.yes), ...fieldsAsked(piece.no)]
      : [],
  );
  return [...new Set(asked)];
}

/** The template for somebody with a value in the fields of `present`, and in no other. */
export function choose(pieces: readonly Piece[], present: ReadonlySet<string>): (string | FieldPiece)[] {
  return pieces.flatMap((piece) => {
    if (typeof piece === 'string' || 'field' in piece) return [piece];
    return choose(present.has(piece.when) ? piece.yes : piece.no, present);
  });
}

/** Links as editors write them, `%7B%7B...%7D%7D`, in as many characters as before. */
function withoutEncoded(source: string): string {
  if (!/%7B%7B/i.test(source)) return source;
  return source.replace(/%7B%7B(?:%20|[\w.])?((?:%20|[\w.]){0,100})%7D%7D/gi, (all) => {
    const inside = all.slice(6, -6).replace(/%20/g, ' ');
    return `{{${inside.padEnd(all.length - 4)}}}`;
  });
}

interface Open {
  readonly when: string;
  readonly isNegated: boolean;
  readonly at: number;
  readonly branches: Piece[][];
}

class Reader {
  private readonly source: string;
  private readonly open: Open[] = [];
  private readonly whole: Piece[] = [];

  constructor(source: string) {
    this.source = source;
  }

  text(text: string): void {
    if (text !== '') this.here().push(text);
  }

  tag(tag: TemplateTag, at: number): void {
    if (tag.kind === 'field') this.here().push({ field: tag.name, fallback: tag.fallback });
    else if (tag.kind === 'if') this.begin({ when: tag.name, isNegated: tag.isNegated, at, branches: [[]] });
    else if (tag.kind === 'else') this.otherwise(at);
    else if (tag.kind === 'end') this.close(at);
  }

  end(): Piece[] {
    const last = this.open.at(-1);
    if (last) throw this.refuse(last.at, 'this condition has no end: write {{/if}}');
    return this.whole;
  }

  unknown(tag: string, at: number): Refusal {
    return this.refuse(
      at,
      `nothing fills "${tag.slice(0, 60)}". These work: {{list}}, {{organisation}}, {{unsubscribe_url}}, {{preferences_url}}, {{email}}, {{attribute.NAME}}`,
    );
  }

  private begin(one: Open): void {
    if (this.open.length >= MAX_DEPTH) throw this.refuse(one.at, `conditions are nested more than ${MAX_DEPTH} deep`);
    this.open.push(one);
  }

  private otherwise(at: number): void {
    const last = this.open.at(-1);
    if (last?.branches.length !== 1) throw this.refuse(at, 'this {{else}} belongs to no {{#if}}');
    last.branches.push([]);
  }

  private close(at: number): void {
    const last = this.open.pop();
    if (!last) throw this.refuse(at, 'this {{/if}} belongs to no {{#if}}');
    const [first = [], second = []] = last.branches;
    const [yes, no] = last.isNegated ? [second, first] : [first, second];
    this.here().push({ when: last.when, yes, no });
  }

  private here(): Piece[] {
    return this.open.at(-1)?.branches.at(-1) ?? this.whole;
  }

  private refuse(at: number, why: string): Refusal {
    const line = this.source.slice(0, at).split('\n').length;
    return new Refusal('template-refused', `Line ${line}: ${why}.`, { line });
  }
}

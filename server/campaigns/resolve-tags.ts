import { hole } from '../mail/hole.js';
import { readTag, writeTag, type TemplateTag } from '../mail/template-tag.js';
import type { Becomes, ForeignTag } from './becomes.js';
import { FOREIGN, readBraces, readForeign, type ReadForeign } from './foreign-tags.js';
import type { Problem } from './problem.js';

/** A file in which each tag is a mark, which every compiler leaves alone. */
export interface ResolvedSource {
  readonly marked: string;
  readonly marks: ReadonlyMap<string, Mark>;
  /** Each tag of another system once, with what it became. */
  readonly foreign: readonly ForeignTag[];
  readonly problems: readonly Problem[];
}

export interface Mark {
  readonly tag: TemplateTag;
  /** In the file, from 1. */
  readonly line: number;
}

const MAX_TAGS = 2_000;
const MAX_FOREIGN = 500;
const BRACES = String.raw`\\?\{\{\{?(?:!--[^]{0,5000}?--|[^{}]{0,300})\}?\}\}|\\?\{\{`;

/**
 * Finds all tags of a file: ours, and those of the usual mailing systems, which become what `mapping` says, by the tag as it stands in the file; what it does not
 * name becomes what we propose. Nothing is executed.
 */
export function resolveTags(given: string, mapping: ReadonlyMap<string, Becomes>): ResolvedSource {
  const source = decodeLinks(given);
  const resolver = new Resolver(mapping);
  let [at, line, counted] = [0, 1, 0];
  for (const match of source.matchAll(new RegExp(`${BRACES}|${FOREIGN.source}`, 'g'))) {
    line += lineBreaks(source.slice(counted, match.index));
    counted = match.index;
    if (resolver.count() >= MAX_TAGS) {
      resolver.refuse(line, 'tags-many', `There are more than ${MAX_TAGS} tags.`);
      break;
    }
    resolver.text(source.slice(at, match.index));
    resolver.tag(match[0], line);
    at = match.index + match[0].length;
  }
  resolver.text(source.slice(at));
  return resolver.end();
}

/** Tags in links as editors write them. */
function decodeLinks(source: string): string {
  return source
    .replace(
      /%7B%7B((?:%20|[\w.#/-]|%22){1,200}?)%7D%7D/gi,
      (_, inside: string) => `{{${inside.replace(/%20/g, ' ').replace(/%22/g, '"')}}}`,
    )
    .replace(/\*%7C([\w:]{1,60})%7C\*/gi, '*|$1|*');
}

function lineBreaks(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

interface Open {
  readonly line: number;
  /** null: a mark says which branch; else what becomes of this branch is known. */
  isShown: boolean | null;
  hasElse: boolean;
}

class Resolver {
  private readonly mapping: ReadonlyMap<string, Becomes>;
  private readonly pieces: string[] = [];
  private readonly marks = new Map<string, Mark>();
  private readonly foreign = new Map<string, { found: ForeignTag; lines: number[] }>();
  private readonly problems: Problem[] = [];
  private readonly open: Open[] = [];
  private seen = 0;

  constructor(mapping: ReadonlyMap<string, Becomes>) {
    this.mapping = mapping;
  }

  count(): number {
    return this.seen;
  }

  text(text: string): void {
    if (text !== '' && this.open.every(({ isShown }) => isShown !== false)) this.pieces.push(text);
  }

  tag(tag: string, line: number): void {
    this.seen += 1;
    if (tag.startsWith('\\')) this.text(tag.slice(1));
    else if (!tag.startsWith('{{')) this.theirs(tag, readForeign(tag), line);
    else if (tag === '{{') this.refuse(line, 'placeholder', `nothing fills "{{". Write \\{{ where braces are meant.`);
    else {
      const inside = tag.replace(/^\{\{\{?&?|\}?\}\}$/g, '');
      const own = readTag(inside);
      if (own) this.ours(own, line);
      else this.theirs(tag, readBraces(inside.replace(/^~|~$/g, '')), line);
    }
  }

  refuse(line: number, reason: Problem['reason'], message: string): void {
    if (this.problems.length < 20) this.problems.push({ line, reason, message });
  }

  end(): ResolvedSource {
    for (const { line } of this.open) this.refuse(line, 'condition-open', 'This condition has no end.');
    return {
      marked: this.pieces.join(''),
      marks: this.marks,
      foreign: [...this.foreign.values()].map(({ found, lines }) => ({ ...found, lines })),
      problems: this.problems,
    };
  }

  private ours(tag: TemplateTag, line: number): void {
    if (tag.kind === 'if') this.begin(line, null, tag);
    else if (tag.kind === 'else') this.otherwise(line);
    else if (tag.kind === 'end') this.close(line);
    else if (tag.kind === 'field') this.mark(tag, line);
  }

  private theirs(tag: string, read: ReadForeign, line: number): void {
    if (read.kind === 'refused') this.refuse(line, `tag-${read.why}`, `"${tag.slice(0, 60)}" ${WHY[read.why]}.`);
    else if (read.kind === 'else') this.otherwise(line);
    else if (read.kind === 'close') this.close(line);
    else {
      const becomes = this.becomes(tag, read, line);
      if (read.kind === 'value') this.put(becomes, line);
      else this.condition(becomes, read.isNegated, line);
    }
  }

  private becomes(tag: string, read: Extract<ReadForeign, { becomes: Becomes }>, line: number): Becomes {
    const key = tag.replace(/\s+/g, ' ').slice(0, 400);
    const isCondition = read.kind === 'open';
    const chosen = this.mapping.get(key);
    const fits = chosen && ['field', 'text'].includes(chosen.as) !== isCondition;
    const known = this.foreign.get(key) ?? {
      found: { tag: key, system: read.system, isCondition, lines: [], becomes: fits ? chosen : read.becomes },
      lines: [],
    };
    if (this.foreign.size >= MAX_FOREIGN)
      this.refuse(line, 'tags-many', `There are more than ${MAX_FOREIGN} different tags.`);
    else this.foreign.set(key, known);
    if (known.lines.length < 5 && known.lines.at(-1) !== line) known.lines.push(line);
    return known.found.becomes;
  }

  private put(becomes: Becomes, line: number): void {
    if (becomes.as === 'text') this.text(becomes.text);
    else if (becomes.as === 'field')
      this.mark({ kind: 'field', name: becomes.field, fallback: becomes.fallback }, line);
  }

  private condition(becomes: Becomes, isNegated: boolean, line: number): void {
    if (becomes.as === 'if') this.begin(line, null, { kind: 'if', name: becomes.field, isNegated });
    else this.begin(line, (becomes.as === 'always') !== isNegated, null);
  }

  private begin(line: number, isShown: boolean | null, tag: TemplateTag | null): void {
    if (tag) this.mark(tag, line);
    this.open.push({ line, isShown, hasElse: false });
  }

  private otherwise(line: number): void {
    const last = this.open.at(-1);
    if (!last || last.hasElse) {
      this.refuse(line, 'condition-stray', 'This "else" belongs to no condition.');
      return;
    }
    last.hasElse = true;
    if (last.isShown === null) this.mark({ kind: 'else' }, line);
    else last.isShown = !last.isShown;
  }

  private close(line: number): void {
    const last = this.open.pop();
    if (!last) this.refuse(line, 'condition-stray', 'This end belongs to no condition.');
    else if (last.isShown === null) this.mark({ kind: 'end' }, line);
  }

  private mark(tag: TemplateTag, line: number): void {
    if (this.open.some(({ isShown }) => isShown === false)) return;
    const name = `t${this.marks.size}`;
    this.marks.set(name, { tag, line });
    this.text(hole(name));
  }
}

const WHY = {
  loop: 'repeats something, which a newsletter cannot: write each one out',
  partial: 'puts another file in, which is not read: put its content into the file itself',
  program: 'would have to be executed, and nothing in a file is: take it out',
} as const;

/** A compiled text with its tags as they are kept; braces that are text get their backslash. */
export function unmark(compiled: string, marks: ReadonlyMap<string, Mark>): string {
  return compiled.replace(/\{\{/g, '\\{{').replace(/\ufdd0(\w{1,40})\ufdd1/g, (_, name: string) => {
    const mark = marks.get(name);
    return mark ? writeTag(mark.tag) : '';
  });
}

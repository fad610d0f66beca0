/** A tag of our own template language. */
export type TemplateTag =
  | { readonly kind: 'field'; readonly name: string; readonly fallback: string }
  | { readonly kind: 'if'; readonly name: string; readonly isNegated: boolean }
  | { readonly kind: 'else' }
  | { readonly kind: 'end' }
  | { readonly kind: 'comment' };

/** What is the same for all recipients of one language, and the two links. */
export const COMMON_FIELDS = [
  ...['unsubscribe_url', 'preferences_url', 'web_version_url', 'list', 'organisation', 'postal_address'],
  ...['subject', 'language', 'date', 'year'],
] as const;

/** An attribute of a subscriber: `attribute.city`. */
const ATTRIBUTE = /^attributes?\.([a-z][a-z0-9_]{0,39})$/;

/** The name as it is kept; null: no such field. `email`, `attribute.NAME` and `COMMON_FIELDS`. */
export function fieldName(name: string): string | null {
  const lower = name.toLowerCase();
  if (lower === 'email' || COMMON_FIELDS.some((known) => known === lower)) return lower;
  const attribute = ATTRIBUTE.exec(lower)?.[1];
  return attribute === undefined || FORBIDDEN.includes(attribute) ? null : `attribute.${attribute}`;
}

/** Does a field say something about one person? Then it may stand in no URL (T11). */
export function isPersonal(field: string): boolean {
  return field === 'email' || field.startsWith('attribute.');
}

/**
 * Reads what stands between the braces of `{{...}}`; null: not of our language, which has fields, `default FIELD "words"`, `#if FIELD`, `#unless FIELD`, `else` and
 * comments, and nothing that is executed.
 */
export function readTag(inside: string): TemplateTag | null {
  if (inside.startsWith('!')) return { kind: 'comment' };
  const text = inside.replace(/^~?\s*|\s*~?$/g, '');
  if (text === 'else' || text === '^') return { kind: 'else' };
  if (/^\/\s*(?:if|unless)$/.test(text)) return { kind: 'end' };
  const block = /^#\s*(if|unless)\s+([\w.]+)$/.exec(text);
  if (block) {
    const name = fieldName(block[2] ?? '');
    return name === null ? null : { kind: 'if', name, isNegated: block[1] === 'unless' };
  }
  const given = /^default\s+([\w.]+)\s+(?:"([^"\n]{0,200})"|'([^'\n]{0,200})')$/.exec(text);
  const name = fieldName(given?.[1] ?? text);
  return name === null ? null : { kind: 'field', name, fallback: given?.[2] ?? given?.[3] ?? '' };
}

/** The tag as it is written; the fallback loses its double quotation marks. */
export function writeTag(tag: TemplateTag): string {
  if (tag.kind === 'else') return '{{else}}';
  if (tag.kind === 'end') return '{{/if}}';
  if (tag.kind === 'comment') return '';
  if (tag.kind === 'if') return `{{#${tag.isNegated ? 'unless' : 'if'} ${tag.name}}}`;
  if (tag.fallback === '') return `{{${tag.name}}}`;
  return `{{default ${tag.name} "${tag.fallback.replace(/["\n]/g, "'")}"}}`;
}

const FORBIDDEN = ['constructor', 'prototype', 'hasownproperty', 'tostring', 'valueof'];

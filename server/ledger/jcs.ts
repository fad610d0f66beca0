/**
 * The one canonical text of a JSON value. RFC 8785.
 * Absent and undefined members are the same. Throws TypeError for what JSON cannot say: NaN, lone surrogates, dates, classes.
 */
export function canonicalize(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (typeof value === 'string') return canonicalString(value);
  if (Array.isArray(value)) return `[${value.map(canonicalize).join(',')}]`;
  if (isPlainObject(value)) return canonicalObject(value);
  throw new TypeError(`JSON has no ${typeof value} of this kind`);
}

// ECMAScript prints a double exactly as RFC 8785 3.2.2.3 wants it, -0 as 0 included.
function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('JSON has no such number');
  return String(value);
}

function canonicalString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('a lone surrogate has no UTF-8');
  return JSON.stringify(value);
}

// sort() without arguments compares UTF-16 code units, as RFC 8785 3.2.3 asks.
function canonicalObject(value: Record<string, unknown>): string {
  const members = Object.keys(value)
    .sort()
    .filter((name) => value[name] !== undefined)
    .map((name) => `${canonicalString(name)}:${canonicalize(value[name])}`);
  return `{${members.join(',')}}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

import type { HeaderField } from './headers.js';
import { relaxField } from './relaxed.js';

/** Which headers a signature covers, in the order in which they are hashed (RFC 6376 5.4.2: of those of one name the last first). */
export interface SigningPlan {
  /** For h=, folded. */
  readonly folded: string;
  /** Places in the headers. */
  readonly places: readonly number[];
}

/** M-31: none of these can be added, doubled or taken away. */
export const OVERSIGNED = [
  'from',
  'to',
  'subject',
  'date',
  'message-id',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'content-type',
];
const SIGNED = [
  ...['list-id', 'feedback-id', 'mime-version', 'reply-to', 'auto-submitted', 'sender', 'cc', 'in-reply-to'],
  ...['references', 'content-transfer-encoding', 'list-help', 'list-post', 'list-owner', 'list-archive'],
];

/** All mails of a campaign have headers of the same names: the plan is made once for them. */
const plans = new Map<string, SigningPlan>();
const KEPT = 100;

/**
 * Names to sign: those that must not be added or doubled once more than present (M-31, as the example of RFC 8463 does),
 * others of meaning as often as present.
 */
export function signedNames(headers: readonly HeaderField[]): string[] {
  const present = (name: string) => headers.filter(([one]) => one.toLowerCase() === name).map(() => name);
  return [...OVERSIGNED.flatMap((name) => [...present(name), name]), ...SIGNED.flatMap(present)];
}

/** The plan for headers of these names; `names` for h=, in order: `signedNames` by default. */
export function planSigning(headers: readonly HeaderField[], names?: readonly string[]): SigningPlan {
  if (names) return makePlan(headers, names);
  const key = headers.map(([name]) => name).join(' ');
  const known = plans.get(key);
  if (known) return known;
  const plan = makePlan(headers, signedNames(headers));
  if (plans.size >= KEPT) plans.clear();
  plans.set(key, plan);
  return plan;
}

/** The signed headers in relaxed form, each with its CRLF. */
export function relaxSigned(headers: readonly HeaderField[], { places }: Pick<SigningPlan, 'places'>): string {
  let text = '';
  for (const place of places) {
    const field = headers[place];
    if (field) text += relaxOnce(field);
  }
  return text;
}

// What a mail shares with others of its campaign is the same object in all of them.
const relaxed = new WeakMap<HeaderField, string>();

function relaxOnce(field: HeaderField): string {
  const known = relaxed.get(field);
  if (known !== undefined) return known;
  const text = `${relaxField(field[0], field[1])}\r\n`;
  relaxed.set(field, text);
  return text;
}

function makePlan(headers: readonly HeaderField[], names: readonly string[]): SigningPlan {
  const left = new Map<string, number[]>();
  headers.forEach(([name], place) => {
    const key = name.toLowerCase();
    left.set(key, [...(left.get(key) ?? []), place]);
  });
  const places = names.flatMap((name) => left.get(name.toLowerCase())?.pop() ?? []);
  return { folded: foldNames(names), places };
}

function foldNames(names: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const name of names) {
    if (line.length + name.length > 70) {
      lines.push(line);
      line = '';
    }
    line += `${line === '' && lines.length === 0 ? '' : ':'}${name}`;
  }
  return [...lines, line].join('\r\n ');
}

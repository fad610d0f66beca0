import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text split at its {placeholders}: literals[0], names[0], literals[1], names[1], ... */
export interface Message {
  readonly literals: readonly string[];
  readonly names: readonly string[];
}

/** Language code to key to text. Plural forms stand under `key.one`, `key.few`, `key.many`, `key.other`. */
export type Catalogs = ReadonlyMap<string, ReadonlyMap<string, Message>>;

export type Params = Readonly<Record<string, string | number>>;

/** Reads templates/locales/<language>/*.json below `root` and merges the files of each language. Throws when a key stands twice. */
export function loadCatalogs(root: string): Catalogs {
  const folder = join(root, 'templates', 'locales');
  const languages = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return new Map(languages.map(({ name }) => [name, loadLanguage(join(folder, name))]));
}

/** The text of a key. `params.count` chooses the plural form, where there is one. Throws on a missing key or placeholder: a test meets all of them. */
export function translate(catalogs: Catalogs, language: string, key: string, params: Params = {}): string {
  const message = findMessage(catalogs, language, key, params['count']);
  return fill(message, (name) => {
    const value = params[name];
    if (value === undefined) throw new Error(`the text ${key} (${language}) needs {${name}}`);
    return typeof value === 'number' ? formatNumber(language, value) : value;
  });
}

/** The message of a key, in the plural form of `count`. Throws when there is none. */
export function findMessage(catalogs: Catalogs, language: string, key: string, count?: unknown): Message {
  const texts = catalogs.get(language);
  if (!texts) throw new Error(`there is no language ${language}`);
  const plain = texts.get(key);
  if (plain) return plain;
  const form = typeof count === 'number' ? pluralForm(language, count) : 'other';
  const plural = texts.get(`${key}.${form}`) ?? (typeof count === 'number' ? texts.get(`${key}.other`) : undefined);
  if (!plural) throw new Error(`there is no text ${key} (${language})`);
  return plural;
}

/** Puts the values of the placeholders between the literals. */
export function fill(message: Message, valueOf: (name: string) => string): string {
  let text = message.literals[0] ?? '';
  for (const [index, name] of message.names.entries()) text += valueOf(name) + (message.literals[index + 1] ?? '');
  return text;
}

/** 3 December 2026. */
export function formatDate(language: string, date: Date, zone: string): string {
  return dateFormat('date', language, zone).format(date);
}

/** 3 December 2026 at 14:05. */
export function formatDateTime(language: string, date: Date, zone: string): string {
  return dateFormat('dateTime', language, zone).format(date);
}

/** 3 December 2026 at 14:05:09 CET. */
export function formatExact(language: string, date: Date, zone: string): string {
  return dateFormat('exact', language, zone).format(date);
}

/** 14:05. */
export function formatTime(language: string, date: Date, zone: string): string {
  return dateFormat('time', language, zone).format(date);
}

/** The zone in words: Central European Time. */
export function zoneName(language: string, zone: string): string {
  // Intl says "GMT+00:00".
  if (zone === 'UTC') return zone;
  // A day of a year with summer time: in 1970 there was none, and the generic name would say "Standard".
  const parts = dateFormat('zone', language, zone).formatToParts(Date.UTC(2026, 6, 1));
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

/** 12,345 or 12 345. */
export function formatNumber(language: string, value: number): string {
  return remember(numberFormats, language, () => new Intl.NumberFormat(localeOf(language))).format(value);
}

/** 900 bytes, 4 kB, 1.5 MB. */
export function formatBytes(language: string, bytes: number): string {
  const [unit, size] = bytes < 1000 ? ['byte', 1] : bytes < 1_000_000 ? ['kilobyte', 1e3] : ['megabyte', 1e6];
  const unitDisplay = unit === 'byte' ? 'long' : 'short';
  const format = remember(
    numberFormats,
    `${language} ${unit}`,
    () =>
      new Intl.NumberFormat(localeOf(language), {
        style: 'unit',
        unit,
        unitDisplay,
        maximumFractionDigits: unit === 'megabyte' ? 1 : 0,
      }),
  );
  return format.format(bytes / size).replace(' ', '\u00a0');
}

/** Where a reader's language may be told, strongest first. `path` is also what `?lang=` says. */
export interface LanguageHints {
  readonly path?: string | undefined;
  readonly subscription?: string | undefined;
  readonly acceptLanguage?: string | undefined;
}

/** The first hint that names a language we have; else English, else the first we have. */
export function chooseLanguage(hints: LanguageHints, available: readonly string[]): string {
  const wanted = [hints.path, hints.subscription, ...acceptedLanguages(hints.acceptLanguage ?? '')];
  for (const tag of wanted) {
    const code = tag?.toLowerCase().split('-')[0];
    if (code && available.includes(code)) return code;
  }
  return available.includes('en') ? 'en' : (available[0] ?? 'en');
}

/** Each language in its own name: Polski. */
export function languageNames(codes: readonly string[]): { code: string; name: string }[] {
  return codes.map((code) => ({ code, name: remember(ownNames, code, () => ownName(code)) }));
}

/** The language switch of a page: each language with the address that shows the same page in it. */
export function languageLinks(
  codes: readonly string[],
  current: string,
  hrefOf: (code: string) => string,
): { code: string; name: string; href: string; current: boolean }[] {
  return languageNames(codes).map(({ code, name }) => ({ code, name, href: hrefOf(code), current: code === current }));
}

/** Which way a language runs. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  return /^(ar|dv|fa|he|ps|sd|ug|ur|yi)\b/.test(language) ? 'rtl' : 'ltr';
}

const DATE_OPTIONS = {
  date: { dateStyle: 'long' },
  dateTime: { dateStyle: 'long', timeStyle: 'short' },
  exact: { dateStyle: 'long', timeStyle: 'long' },
  time: { timeStyle: 'short' },
  zone: { timeZoneName: 'longGeneric' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

// Making an Intl format costs fifty times what using it costs.
const dateFormats = new Map<string, Intl.DateTimeFormat>();
const numberFormats = new Map<string, Intl.NumberFormat>();
const pluralRules = new Map<string, Intl.PluralRules>();
const ownNames = new Map<string, string>();

function ownName(code: string): string {
  const name = new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
  return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
}

function dateFormat(style: keyof typeof DATE_OPTIONS, language: string, zone: string): Intl.DateTimeFormat {
  return remember(
    dateFormats,
    `${style} ${language} ${zone}`,
    () => new Intl.DateTimeFormat(localeOf(language), { ...DATE_OPTIONS[style], timeZone: zone }),
  );
}

function pluralForm(language: string, count: number): string {
  return remember(pluralRules, language, () => new Intl.PluralRules(localeOf(language))).select(count);
}

function remember<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

// Plain "en" would write American dates, the month first.
function localeOf(language: string): string {
  return language === 'en' ? 'en-GB' : language;
}

function acceptedLanguages(header: string): string[] {
  return header
    .slice(0, 200)
    .split(',')
    .map((entry) => {
      const [tag = '', ...options] = entry.trim().split(';');
      const quality = options.map((option) => /^\s*q=([\d.]+)\s*$/.exec(option)?.[1]).find((q) => q !== undefined);
      return { tag, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ tag, quality }) => /^[a-z]{2,3}(-|$)/i.test(tag) && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag);
}

function loadLanguage(folder: string): Map<string, Message> {
  const texts = new Map<string, Message>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const entries = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, string>;
    for (const [key, text] of Object.entries(entries)) {
      if (texts.has(key)) throw new Error(`${join(folder, file)}: ${key} stands in another file too`);
      texts.set(key, parseMessage(text));
    }
  }
  return texts;
}

function parseMessage(text: string): Message {
  const pieces = text.split(/\{([a-zA-Z]+)\}/);
  return {
    literals: pieces.filter((_, index) => index % 2 === 0),
    names: pieces.filter((_, index) => index % 2 === 1),
  };
}

import { ROOT } from '../config.js';
import { directionOf, formatDate, loadCatalogs, translate, type Catalogs } from '../web/i18n.js';

/*
 * The sentences of the footer (copy.md 6) in all languages: the one place of the campaigns that reads the catalogs.
 */

/** All languages in which a footer is written. */
export function footerLanguages(): string[] {
  return [...catalogs().keys()];
}

/** A sentence of the footer. */
export function footerWords(language: string, key: string, params: Readonly<Record<string, string>> = {}): string {
  return translate(catalogs(), language, `foot.${key}`, params);
}

/** A day in words: 3 December 2026. */
export function footerDate(language: string, date: Date, zone: string): string {
  return formatDate(language, date, zone);
}

/** Which way a language runs. */
export function footerDirection(language: string): 'ltr' | 'rtl' {
  return directionOf(language);
}

let read: Catalogs | null = null;

function catalogs(): Catalogs {
  read ??= loadCatalogs(ROOT);
  return read;
}

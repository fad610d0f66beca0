import { ROOT } from '../config.js';
import { loadCatalogs, translate, type Catalogs } from '../web/i18n.js';

let read: Catalogs | null = null;

/** A sentence of the report to a sender, in a language or in English. */
export function reportWords(
  language: string,
  key: 'subject' | 'text' | 'end',
  params: Readonly<Record<string, string>> = {},
): string {
  read ??= loadCatalogs(ROOT);
  return translate(read, read.has(language) ? language : 'en', `gateway.report.${key}`, params);
}

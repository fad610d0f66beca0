import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../config.js';
import { Refusal } from '../errors.js';
import { renderTemplate, type Rendered } from './render.js';

/** The templates that come with Zgoda; their words in each language stand under `library`. */
export const LIBRARY = ['newsletter', 'announcement', 'event', 'letter'] as const;

export type LibraryName = (typeof LIBRARY)[number];

/** Throws `not-found`. */
export function libraryName(name: string): LibraryName {
  const found = LIBRARY.find((one) => one === name);
  if (!found) throw new Refusal('not-found', 'There is no such template.');
  return found;
}

/** The file of a template that comes with Zgoda. */
export async function librarySource(name: LibraryName): Promise<string> {
  return readFile(join(ROOT, 'templates', 'library', `${name}.mjml`), 'utf8');
}

/** They never change while the service runs. */
const rendered = new Map<LibraryName, Promise<Rendered>>();

/** The same, compiled once. */
export async function libraryMail(name: LibraryName): Promise<Rendered> {
  const known = rendered.get(name);
  if (known) return known;
  const made = librarySource(name).then(async (source) => renderTemplate(`${name}.mjml`, source));
  rendered.set(name, made);
  made.catch(() => rendered.delete(name));
  return made;
}

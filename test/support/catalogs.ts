import type { Catalogs, Message } from '../../server/web/i18n.js';

/** What is wrong with the catalogs: keys that a language lacks, placeholders and plural forms that differ. Empty when all is well. */
export function catalogProblems(catalogs: Catalogs): string[] {
  const shapes = new Map([...catalogs].map(([language, texts]) => [language, shapeOf(texts)]));
  const keys = new Set([...shapes.values()].flatMap((shape) => [...shape.keys()]));
  return [...keys].flatMap((key) => keyProblems(key, catalogs, shapes));
}

const PLURAL = /\.(zero|one|two|few|many|other)$/;

type Shape = ReadonlyMap<string, { forms: ReadonlySet<string>; names: string }>;

function shapeOf(texts: ReadonlyMap<string, Message>): Shape {
  const shape = new Map<string, { forms: Set<string>; names: string }>();
  for (const [key, message] of texts) {
    const base = key.replace(PLURAL, '');
    // A language that declines names may leave the sender's out of a sentence: the page names it elsewhere.
    const names = [...new Set(message.names)].filter((name) => name !== 'organisation').sort();
    const known = shape.get(base) ?? { forms: new Set<string>(), names: '' };
    known.forms.add(base === key ? '' : key.slice(base.length + 1));
    // One plural form may leave {count} out ("one mail"): the fullest form counts.
    known.names = known.names.length >= names.join(' ').length ? known.names : names.join(' ');
    shape.set(base, known);
  }
  return shape;
}

function keyProblems(key: string, catalogs: Catalogs, shapes: ReadonlyMap<string, Shape>): string[] {
  const names = new Set([...shapes.values()].map((shape) => shape.get(key)?.names).filter((n) => n !== undefined));
  const differ = names.size > 1 ? [`${key}: placeholders differ: ${[...names].join(' | ')}`] : [];
  const missing = [...catalogs.keys()].flatMap((language) => {
    const forms = shapes.get(language)?.get(key)?.forms;
    if (!forms) return [`${key}: missing in ${language}`];
    if (forms.has('')) return [];
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    return needed.filter((form) => !forms.has(form)).map((form) => `${key}: ${language} lacks the form ${form}`);
  });
  return [...differ, ...missing];
}

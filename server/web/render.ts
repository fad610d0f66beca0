import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Handlebars from 'handlebars';
import { directionOf, fill, findMessage, formatBytes, formatDate, formatDateTime, formatExact } from './i18n.js';
import { formatNumber, formatTime, zoneName, type Catalogs, type Message } from './i18n.js';
import { maskedHtml } from './masked-html.js';
import type { MaskedAddress, PageBase, Pages, Place } from './pages.js';

export interface RendererOptions {
  /** The project's root, which holds templates/ and public/. */
  readonly root: string;
  readonly catalogs: Catalogs;
  /** Where public/ is served; "/public" when not given. */
  readonly publicPath?: string;
}

export interface Renderer {
  /** A whole HTML document. Views of templates/public by their file's name, others with the folder's: `admin/home`. */
  page<V extends keyof Pages>(view: V, data: Pages[V]): string;
  /** A partial of templates/partials alone, for a part of a page that changes by itself. */
  fragment(partial: string, data: Pick<PageBase, 'language' | 'zone'>): string;
}

type Template = (data: unknown, options?: Handlebars.RuntimeOptions) => string;

interface CompiledView {
  readonly title: Template;
  readonly body: Template;
  readonly layout: Template;
}

/** Reads all templates once; what it returns only fills them in. Each compiles at its first use. */
export function makeRenderer(options: RendererOptions): Renderer {
  const engine = Handlebars.create();
  const folder = join(options.root, 'templates');
  engine.registerHelper(makeHelpers(options.catalogs));
  const partials = loadPartials(engine, join(folder, 'partials'));
  const views = loadViews(engine, folder, partials);
  const assets = hashAssets(join(options.root, 'public'), options.publicPath ?? '/public');

  return {
    page: (view, data) => renderPage(found(views, view), data, assets),
    fragment: (partial, data) => found(partials, partial)(data, runtime({})),
  };
}

function renderPage(view: CompiledView, data: PageBase, assets: Readonly<Record<string, string>>): string {
  const title = new Handlebars.SafeString(view.title(data, runtime({})).trim());
  const body = new Handlebars.SafeString(view.body(data, runtime({ assets })));
  return view.layout(data, runtime({ title, body, assets, direction: directionOf(data.language) }));
}

function runtime(data: Readonly<Record<string, unknown>>): Handlebars.RuntimeOptions {
  return { data, allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false };
}

// Only `if` and `each`: whatever else a template would need is decided before it.
const KNOWN_HELPERS = {
  with: false,
  unless: false,
  log: false,
  lookup: false,
  t: true,
  key: true,
  date: true,
  dateTime: true,
  exact: true,
  time: true,
  zoneName: true,
  number: true,
  bytes: true,
  masked: true,
};

function compile(engine: typeof Handlebars, source: string): Template {
  return engine.compile(source, {
    strict: true,
    preventIndent: true,
    knownHelpers: KNOWN_HELPERS,
    knownHelpersOnly: true,
  });
}

interface RootData {
  readonly data: { readonly root: { readonly language: string; readonly zone: string } };
  readonly hash: Readonly<Record<string, unknown>>;
}

/** The helpers of pages. An absent date or number becomes undefined, which `t` accepts only where the text does not need it. */
function makeHelpers(catalogs: Catalogs): Record<string, Handlebars.HelperDelegate> {
  const escaped = escapeCatalogs(catalogs);
  const say = (options: RootData, key: string, params: Readonly<Record<string, unknown>>) =>
    translateHtml(escaped, options.data.root.language, key, params);
  const ofDate = (format: (language: string, date: Date, zone: string) => string) => (date: unknown, o: RootData) =>
    date instanceof Date ? format(o.data.root.language, date, o.data.root.zone) : placeOf(date);
  const ofNumber = (format: (language: string, value: number) => string) => (value: unknown, o: RootData) =>
    typeof value === 'number' ? format(o.data.root.language, value) : undefined;

  return {
    t: (key: string, options: RootData) => say(options, key, options.hash),
    key: (...parts: unknown[]) => parts.slice(0, -1).join('.'),
    date: ofDate(formatDate),
    dateTime: ofDate(formatDateTime),
    exact: ofDate(formatExact),
    time: ofDate(formatTime),
    zoneName: (o: RootData) => zoneName(o.data.root.language, o.data.root.zone),
    number: ofNumber(formatNumber),
    bytes: ofNumber(formatBytes),
    masked: (address: MaskedAddress | Place, options: RootData) =>
      'place' in address ? placeOf(address) : maskedHtml(address, (k, p) => say(options, k, p)),
  };
}

// A place holds nothing but its mark, until it is filled for one reader.
function placeOf(value: unknown): Handlebars.SafeString | undefined {
  return typeof value === 'object' && value !== null && 'place' in value
    ? new Handlebars.SafeString(String(value.place))
    : undefined;
}

function translateHtml(
  catalogs: Catalogs,
  language: string,
  key: string,
  params: Readonly<Record<string, unknown>>,
): Handlebars.SafeString {
  const text = fill(findMessage(catalogs, language, key, params['count']), (name) => {
    const value = params[name];
    if (typeof value === 'number') return formatNumber(language, value);
    if (value instanceof Handlebars.SafeString) return value.toString();
    if (typeof value === 'string') return Handlebars.escapeExpression(value);
    throw new Error(`the text ${key} (${language}) needs {${name}}`);
  });
  return new Handlebars.SafeString(text);
}

function escapeCatalogs(catalogs: Catalogs): Catalogs {
  const escape = ({ literals, names }: Message) => ({ literals: literals.map(escapeText), names });
  return new Map(
    [...catalogs].map(([language, texts]) => [language, new Map([...texts].map(([k, m]) => [k, escape(m)]))]),
  );
}

// Our own words stand in text and in double-quoted attributes, so apostrophes may stay.
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function loadPartials(engine: typeof Handlebars, folder: string): Map<string, Template> {
  const partials = new Map<string, Template>();
  for (const [name, source] of readTemplates(folder)) {
    const template = compile(engine, source);
    partials.set(name, template);
    engine.registerPartial(name, template);
  }
  return partials;
}

/** A view is its `<title>` on the first line and below it what stands in `<main>`. `layout-admin` wraps templates/admin, `layout` the rest. */
function loadViews(
  engine: typeof Handlebars,
  folder: string,
  partials: ReadonlyMap<string, Template>,
): Map<string, CompiledView> {
  const views = new Map<string, CompiledView>();
  const areas = readdirSync(folder).filter((area) => !['locales', 'mail', 'partials'].includes(area));
  for (const area of areas) {
    const layout = partials.get(`layout-${area}`) ?? found(partials, 'layout');
    for (const [name, source] of readTemplates(join(folder, area))) {
      const view = area === 'public' ? name : `${area}/${name}`;
      const parts = /^<title>(.+?)<\/title>\n(.*)$/s.exec(source);
      if (!parts) throw new Error(`the view ${view} does not begin with its <title>`);
      views.set(view, { title: compile(engine, parts[1] ?? ''), body: compile(engine, parts[2] ?? ''), layout });
    }
  }
  return views;
}

function readTemplates(folder: string): [name: string, source: string][] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.hbs'))
    .map((file) => [basename(file, '.hbs'), readFileSync(join(folder, file), 'utf8')]);
}

/** Address of each file of public/, with a hash of its content, so that it may be cached for ever. */
function hashAssets(folder: string, publicPath: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder).filter((file) => /\.(css|js|html|mjml|svg)$/.test(file));
  return Object.fromEntries(
    files.map((file) => {
      const hash = createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex')
        .slice(0, 8);
      return [file.replace('.', '_'), `${publicPath}/${file}?v=${hash}`];
    }),
  );
}

function found<T>(known: ReadonlyMap<string, T>, name: string): T {
  const value = known.get(name);
  if (value === undefined) throw new Error(`there is no template ${name}`);
  return value;
}

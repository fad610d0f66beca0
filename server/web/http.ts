import { isUtf8 } from 'node:buffer';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import multer, { MulterError } from 'multer';
import type { Context } from '../context.js';
import type { OrganisationFacts } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { maskAddress, parseAddress } from '../mail/address.js';
import { chooseLanguage, languageLinks, type Catalogs } from './i18n.js';
import type { MaskedAddress, OrganisationFoot, PageBase, Pages } from './pages.js';
import type { Renderer } from './render.js';

/** What every edge that answers a browser gets. */
export interface Site {
  readonly ctx: Context;
  readonly renderer: Renderer;
  readonly catalogs: Catalogs;
  /** All languages that pages are written in. */
  readonly languages: readonly string[];
  /** The built-in mailbox is on: pages may point there. */
  readonly hasMailbox: boolean;
}

/** Reads a form, whichever of the three ways it was sent. Sizes first; too much is refused before it is read. `fields`: at most so many. */
export function formReader(bytes: number, fields: number): RequestHandler[] {
  return [
    onlyForms,
    express.urlencoded({ extended: false, limit: bytes, parameterLimit: fields, verify: checkEscapes }),
    wholeMultipart(multer({ limits: { fieldSize: bytes, fields, files: 0, parts: fields, headerPairs: 50 } }).none()),
    express.json({ limit: bytes }),
    // Also where a press of the button is all that counts: what cannot be read was not pressed.
    (req, _res, next) => {
      fieldsOf(req);
      next();
    },
  ];
}

/** Reads an ordinary form. */
export const readForm = formReader(32 * 1024, 100);

/** A parser of multipart forms, whose every complaint is about what was sent: it keeps nothing on disk. */
export function wholeMultipart(parser: RequestHandler): RequestHandler {
  return (req, res, next) => {
    void parser(req, res, (error: unknown) => {
      if (error === undefined || error instanceof MulterError) next(error);
      else next(new Refusal('body-invalid', 'The form is not whole, or not a form.', {}, { cause: error }));
    });
  };
}

// A body in another form would count as an empty one, and so as a press of the button.
function onlyForms(req: Request, _res: Response, next: NextFunction): void {
  const hasBody = req.get('transfer-encoding') !== undefined || Number(req.get('content-length') ?? 0) > 0;
  const isForm = req.is(['urlencoded', 'multipart/form-data', 'json']) !== false;
  if (hasBody && !isForm) {
    throw new Refusal('type-unsupported', 'A form is sent as application/x-www-form-urlencoded, multipart or JSON.');
  }
  next();
}

// The parser leaves what it cannot decode as it is: an address with "%ff" in it would get a mail.
function checkEscapes(_req: unknown, _res: unknown, body: Buffer): void {
  try {
    decodeURIComponent(body.toString('latin1'));
    if (isUtf8(body)) return;
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  throw new Refusal('body-invalid', 'The form contains an escape that means nothing, or is not in UTF-8.');
}

/**
 * The fields of a form: one text each. A field that came twice, or is no text, counts as absent. Throws `body-invalid` for control characters, and
 * for JSON that is not an object.
 */
export function fieldsOf(req: Request): Record<string, string> {
  const body: unknown = req.body;
  const fields: Record<string, string> = {};
  if (body === undefined || body === null) return fields;
  if (typeof body !== 'object' || Array.isArray(body))
    throw new Refusal('body-invalid', 'A form is an object in JSON.');
  for (const [name, value] of Object.entries(body as Record<string, unknown>)) {
    const text = typeof value === 'boolean' || typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string') continue;
    if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) || /\p{Surrogate}/u.test(text))
      throw new Refusal('body-invalid', `The field ${JSON.stringify(name.slice(0, 40))} contains a control character.`);
    fields[name] = text;
  }
  return fields;
}

/** Runs a handler that returns a promise: what it throws reaches the one error handler. */
export function handle(work: (req: Request, res: Response) => Promise<void>): RequestHandler {
  return (req: Request, res: Response, next: NextFunction) => {
    work(req, res).catch(next);
  };
}

/** Was JSON asked for, or sent without asking for a page? */
export function wantsJson(req: Request): boolean {
  return (
    req.accepts(['html', 'json']) === 'json' || (Boolean(req.is('json')) && !req.get('accept')?.includes('text/html'))
  );
}

/** Answers 405 with what is allowed, for a path that exists. */
export function onlyMethods(...methods: string[]): RequestHandler {
  return (_req, res) => {
    res.setHeader('Allow', methods.join(', '));
    throw new Refusal('method-not-allowed', `This address answers ${methods.join(', ')} only.`);
  };
}

/** Sends a page. */
export function sendPage<V extends keyof Pages>(
  site: Pick<Site, 'renderer'>,
  res: Response,
  view: V,
  data: Pages[V],
  status = 200,
): void {
  sendHtml(res, site.renderer.page(view, data), status);
}

/** Sends a page that is rendered already. */
export function sendHtml(res: Response, html: string, status = 200): void {
  res.statusCode = status;
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  // Head and body leave in one write, which `send` would make two.
  res.end(html);
}

/** The language of a page: asked for by `?lang=`, else the subscriber's, else the browser's. */
export function languageOf(
  site: Pick<Site, 'languages'>,
  req: Request,
  subscription?: string,
  available: readonly string[] = site.languages,
): string {
  return chooseLanguage(
    { path: askedLanguage(req), subscription, acceptLanguage: req.get('accept-language')?.slice(0, 200) },
    available,
  );
}

/** An address for a form or link of this page, in the language that was asked for by `?lang=`: what comes next is in it too. */
export function inLanguage(site: Pick<Site, 'languages'>, req: Request, path: string): string {
  const asked = askedLanguage(req);
  return asked !== undefined && site.languages.includes(asked) ? `${path}?lang=${asked}` : path;
}

// Express reads the whole query anew each time it is asked for it, and most addresses have none.
function askedLanguage(req: Request): string | undefined {
  const asked = req.url.includes('?') ? req.query['lang'] : undefined;
  return typeof asked === 'string' ? asked : undefined;
}

/** What every page of an organisation needs. The language switch shows the same address again, with `?lang=`. */
export function organisationBase(
  site: Site,
  req: Request,
  language: string,
  organisation: OrganisationFacts,
): PageBase & { organisation: OrganisationFoot } {
  return {
    language,
    zone: organisation.timeZone,
    languages: languageLinks(site.languages, language, (code) => `${req.baseUrl}${req.path}?lang=${code}`),
    organisation: {
      name: organisation.name,
      noticeHref: `/privacy/${organisation.slug}?lang=${language}`,
      contact: organisation.privacyContact,
    },
  };
}

/** A page that belongs to nobody, such as that of a damaged link. */
export function plainBase(site: Pick<Site, 'languages'>, req: Request): PageBase {
  const language = languageOf(site, req);
  // A path that begins with two slashes would lead to another site, and so would a whole URL in the request line.
  const here = (req.originalUrl.split('?')[0] ?? '').replace(/^(?:https?:\/\/[^/]*)?[/\\]*/i, '/');
  return {
    language,
    zone: 'UTC',
    languages: languageLinks(site.languages, language, (code) => `${here}?lang=${code}`),
    organisation: null,
  };
}

/** A stored address as public pages show it. */
export function masked(address: string | null): MaskedAddress {
  if (address === null) return { seen: '…', spokenStart: '', spokenDomain: '' };
  return maskAddress(parseAddress(address));
}

/** The peer's IP as evidence, IPv4 without its IPv6 dress. It comes from headers only as far as TRUST_PROXY says (T15). */
export function ipOf(req: Request): string {
  return (req.ip ?? '').replace(/^::ffff:/, '');
}

/** What the browser says that it is, and below it which languages it asks for: 500 characters at most, since it is evidence and no place to store things. */
export function agentOf(req: Request): string {
  const languages = (req.get('accept-language') ?? '').slice(0, 80);
  const agent = (req.get('user-agent') ?? '').slice(0, 400);
  return languages === '' ? agent : `${agent}\naccept-language: ${languages}`;
}

/** A path parameter. */
export function param(req: Request, name: string): string {
  const value = req.params[name];
  return typeof value === 'string' ? value : '';
}

import type { ErrorRequestHandler, Request, Response } from 'express';
import { MulterError } from 'multer';
import { languagesOf, textOf } from '../consent/catalogue.js';
import { listOfOffer } from '../consent/confirm.js';
import { Refusal, type RefusalCode } from '../errors.js';
import { signUpForm } from '../forms/sign-up-view.js';
import { languageOf, organisationBase, plainBase, wantsJson, type Site } from './http.js';
import { errorPage, type ErrorKind, type ErrorPage } from './pages.js';

interface Answer {
  readonly status: number;
  readonly kind: ErrorKind;
}

/** Each refusal has one status and one page; only here. */
const ANSWERS: Record<RefusalCode, Answer> = {
  'link-damaged': { status: 404, kind: 'link-damaged' },
  'link-expired': { status: 410, kind: 'link-gone' },
  'link-used': { status: 410, kind: 'link-gone' },
  'list-unknown': { status: 404, kind: 'not-found' },
  'form-unknown': { status: 404, kind: 'not-found' },
  'consent-missing': { status: 422, kind: 'body-invalid' },
  'address-invalid': { status: 422, kind: 'body-invalid' },
  'ticket-invalid': { status: 422, kind: 'ticket-invalid' },
  'body-invalid': { status: 400, kind: 'body-invalid' },
  'type-unsupported': { status: 415, kind: 'body-invalid' },
  'body-too-large': { status: 413, kind: 'body-too-large' },
  'method-not-allowed': { status: 405, kind: 'method-not-allowed' },
  'too-many': { status: 429, kind: 'too-many' },
  'not-found': { status: 404, kind: 'not-found' },
  'not-now': { status: 503, kind: 'not-now' },
  'not-allowed': { status: 403, kind: 'not-allowed' },
  'login-needed': { status: 401, kind: 'session-ended' },
  'login-failed': { status: 401, kind: 'not-allowed' },
  'template-refused': { status: 422, kind: 'body-invalid' },
  'message-refused': { status: 422, kind: 'body-invalid' },
  'campaign-state': { status: 409, kind: 'not-allowed' },
  'receipt-unknown': { status: 404, kind: 'not-found' },
  'config-invalid': { status: 500, kind: 'broken' },
  'keys-invalid': { status: 500, kind: 'broken' },
  'log-refuses': { status: 503, kind: 'not-now' },
  'database-busy': { status: 503, kind: 'not-now' },
};

/** Pages that offer to mail a fresh link. */
const OFFERS_LINK: readonly ErrorKind[] = ['link-damaged', 'link-gone', 'session-ended'];

const RETRY_SECONDS = 10;

/** The one error handler: a page for browsers, a problem document (RFC 9457) for machines, and no word of what we look like inside. */
export function errorHandler(site: Site): ErrorRequestHandler {
  return (error: unknown, req: Request, res: Response, next) => {
    const refusal = toRefusal(error);
    const { status, kind } = refusal ? ANSWERS[refusal.code] : { status: 500, kind: 'broken' as const };
    if (status >= 500)
      site.ctx.logger[refusal ? 'warn' : 'error'](
        { err: error, method: req.method, path: routeOf(req) },
        'a request failed',
      );
    // Too late for an answer of our own: let express cut the connection.
    if (res.headersSent) {
      next(error);
      return;
    }
    if (status === 503) res.setHeader('Retry-After', String(RETRY_SECONDS));
    if (wantsMachineAnswer(req)) {
      sendProblem(res, status, refusal);
      return;
    }
    expiredParts(site, req, refusal).then(
      (expired) => sendErrorPage(site, req, res, status, expired ? 'link-expired' : kind, refusal, expired ?? {}),
      () => sendErrorPage(site, req, res, status, kind, refusal, {}),
    );
  };
}

// An expired confirmation link leads straight to a new form, as long as we still know for which list it was.
async function expiredParts(site: Site, req: Request, refusal: Refusal | null): Promise<Partial<ErrorPage> | null> {
  const { expiresAt, ref } = refusal?.facts ?? {};
  if (refusal?.code !== 'link-expired' || !(expiresAt instanceof Date) || !Buffer.isBuffer(ref)) return null;
  const found = await listOfOffer(site.ctx, ref);
  // What is no list has no page to join by: the settings ask for it.
  if (!found || found.list.kind !== null) return null;
  const language = languageOf(site, req, found.language, languagesOf(found.list));
  return {
    ...organisationBase(site, req, language, found.list.organisation),
    list: textOf(found.list, language),
    workedUntil: expiresAt,
    form: await signUpForm(site, found.list, language),
  };
}

// The route, never the address: that holds the token.
function routeOf(req: Request): string | undefined {
  const route = req.route as { path?: unknown } | undefined;
  return typeof route?.path === 'string' ? route.path : undefined;
}

const TOO_LARGE: readonly string[] = [
  'LIMIT_FILE_SIZE',
  'LIMIT_FIELD_KEY',
  'LIMIT_FIELD_VALUE',
  'LIMIT_FIELD_COUNT',
  'LIMIT_PART_COUNT',
];

/** What libraries throw about a request, in our words; null for a bug. */
function toRefusal(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (error instanceof MulterError) {
    return TOO_LARGE.includes(error.code)
      ? new Refusal('body-too-large', 'The form is too large.', {}, { cause: error })
      : new Refusal('body-invalid', 'The form has a part that does not belong there.', {}, { cause: error });
  }
  const { status, type } = error as { status?: unknown; type?: unknown };
  if (status === 413 || type === 'parameters.too.many')
    return new Refusal('body-too-large', 'What was sent is too large.');
  if (status === 415) return new Refusal('type-unsupported', 'The encoding of what was sent is not known here.');
  if (error instanceof URIError || (typeof status === 'number' && status >= 400 && status < 500))
    return new Refusal('body-invalid', 'What was sent could not be read.');
  return null;
}

function wantsMachineAnswer(req: Request): boolean {
  return /^\/(?:api|webhooks)\//.test(req.path) || wantsJson(req);
}

function sendProblem(res: Response, status: number, refusal: Refusal | null): void {
  res
    .status(status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: refusal?.code ?? 'internal-error',
        status,
        detail: refusal?.message ?? 'Something went wrong here. Nothing was changed.',
      }),
    );
}

function sendErrorPage(
  site: Site,
  req: Request,
  res: Response,
  status: number,
  kind: ErrorKind,
  refusal: Refusal | null,
  parts: Partial<ErrorPage>,
): void {
  const retryAt = refusal?.facts['retryAt'];
  const page = errorPage(plainBase(site, req), kind, {
    retryAt:
      retryAt instanceof Date
        ? retryAt
        : kind === 'not-now' || kind === 'too-many'
          ? new Date(site.ctx.now().getTime() + RETRY_SECONDS * 1000)
          : null,
    magic: OFFERS_LINK.includes(kind) ? { action: '/preferences', ticket: '' } : null,
    ...parts,
  });
  res.status(status).type('html').send(site.renderer.page('error', page));
}

import type { IncomingHttpHeaders } from 'node:http';
import express, { type Request, type RequestHandler, type Router } from 'express';
import { isLoopbackHost } from '../mail/smtp-server-url.js';
import { plainBase, sendPage, type Site } from '../web/http.js';
import type { PageBase } from '../web/pages.js';
import { arrivalOf, isMailId } from './mail-id.js';
import { readMail, type ReadMail } from '../mail/read-mail.js';
import type { Mailbox, MailboxEntry } from './store.js';

declare module '../web/pages.js' {
  interface Pages {
    'mailbox-list': MailboxListPage;
    'mailbox-mail': MailboxMailPage;
  }
}

interface MailboxListPage extends PageBase {
  /** What was searched for; '' when nothing was. */
  readonly to: string;
  readonly total: number;
  readonly isEmpty: boolean;
  readonly foundNothing: boolean;
  readonly mails: readonly (MailboxEntry & { readonly arrivedAt: Date; readonly isNew: boolean })[];
  /** '' when there are none. */
  readonly older: string;
}

interface MailboxMailPage extends PageBase, ReadMail {
  readonly id: string;
  readonly arrivedAt: Date;
  readonly hasHtml: boolean;
  /** A frame cannot grow with what it holds, so the words are counted before. */
  readonly isLong: boolean;
  readonly hasText: boolean;
  readonly lines: readonly { readonly pieces: readonly { readonly text: string; readonly href: string }[] }[];
}

interface Visit {
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly headers: IncomingHttpHeaders;
}

const PAGE_LENGTH = 100;
/** Characters; a confirmation has fewer, a newsletter more. */
const LONG_TEXT = 1_200;

// The mail's own HTML: no script, no form, no request to anywhere; links open outside the frame.
const FRAME_POLICY =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** The built-in mailbox, for somebody who sits at this machine. To everybody else it does not exist. */
export function mailboxRoutes(site: Pick<Site, 'languages' | 'renderer'>, mailbox: Mailbox): Router {
  const router = express.Router();
  router.use(['/mailbox', '/mailbox.json'], onlyHere);

  router.get('/mailbox.json', async (req, res) => {
    res.json(await mailbox.list(readQuery(req)));
  });

  router.get('/mailbox', async (req, res) => {
    const query = { ...readQuery(req), limit: PAGE_LENGTH };
    const mails = await mailbox.list(query);
    res.set('Content-Security-Policy', PAGE_POLICY);
    const search = { to: query.to ?? '', total: await mailbox.count() };
    sendPage(site, res, 'mailbox-list', describeList(baseOf(site, req), mailbox, mails, search));
  });

  router.post('/mailbox/clear', async (req, res, next) => {
    if (!isSameOrigin(req)) {
      next('router');
      return;
    }
    await mailbox.clear();
    res.redirect(303, '/mailbox');
  });

  router.get('/mailbox/:id.eml', async (req, res, next) => {
    const raw = await mailbox.read(req.params.id);
    if (!raw) {
      next('router');
      return;
    }
    res.attachment(`${req.params.id}.eml`).type('message/rfc822').send(raw);
  });

  router.get('/mailbox/:id/html', async (req, res, next) => {
    const raw = await mailbox.read(req.params.id);
    if (!raw) {
      next('router');
      return;
    }
    res.set({
      'Content-Security-Policy': FRAME_POLICY,
      'X-Frame-Options': 'SAMEORIGIN',
      'Referrer-Policy': 'no-referrer',
    });
    res.type('html').send(withBase(readMail(raw).html));
  });

  router.get('/mailbox/:id', async (req, res, next) => {
    const raw = await mailbox.read(req.params.id);
    if (!raw) {
      next('router');
      return;
    }
    mailbox.markOpened(req.params.id);
    res.set('Content-Security-Policy', PAGE_POLICY);
    sendPage(site, res, 'mailbox-mail', describeMail(baseOf(site, req), req.params.id, raw));
  });

  return router;
}

/**
 * True when the request was made on this machine, by somebody who addressed this machine: a proxy's visitors are somebody else, and a
 * foreign host name that leads here (DNS rebinding) is another site's script.
 */
export function isFromHere({ socket, headers }: Visit): boolean {
  const isForwarded = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'].some(
    (name) => name in headers,
  );
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return (
    !isForwarded && isLoopbackHost(socket.remoteAddress ?? '') && (isLoopbackHost(host) || /\.localhost$/i.test(host))
  );
}

const onlyHere: RequestHandler = (req, res, next) => {
  if (!isFromHere(req)) {
    next('router');
    return;
  }
  res.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  next();
};

// There is no login that a token could be bound to: the browser says where the form stood.
function isSameOrigin({ headers }: Request): boolean {
  const site = headers['sec-fetch-site'];
  const isForeign = headers.origin !== undefined && headers.origin.replace(/^https?:\/\//, '') !== headers.host;
  return !isForeign && (site === undefined || site === 'same-origin' || site === 'none');
}

function readQuery({ query }: Request): { limit: number; to?: string; before?: string } {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value.slice(0, 320) : undefined);
  const limit = Number(text(query['limit']) ?? PAGE_LENGTH);
  const [to, before] = [text(query['to']), text(query['before'])];
  return {
    limit: Number.isInteger(limit) ? Math.min(Math.max(limit, 1), 1_000) : PAGE_LENGTH,
    ...(to ? { to } : {}),
    ...(before && isMailId(before) ? { before } : {}),
  };
}

// Whoever reads this sits at this machine: its zone is theirs.
function baseOf(site: Pick<Site, 'languages'>, req: Request): PageBase {
  return { ...plainBase(site, req), zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
}

function describeList(
  base: PageBase,
  mailbox: Mailbox,
  mails: readonly MailboxEntry[],
  { to, total }: { to: string; total: number },
): MailboxListPage {
  const last = mails.length === PAGE_LENGTH ? mails.at(-1)?.id : undefined;
  const search = `${to ? `&to=${encodeURIComponent(to)}` : ''}&lang=${base.language}`;
  return {
    ...base,
    to,
    total,
    mails: mails.map((mail) => ({ ...mail, arrivedAt: new Date(mail.date), isNew: !mailbox.wasOpened(mail.id) })),
    isEmpty: total === 0,
    foundNothing: total > 0 && mails.length === 0,
    older: last ? `/mailbox?before=${last}${search}` : '',
  };
}

function describeMail(base: PageBase, id: string, raw: Buffer): MailboxMailPage {
  const mail = readMail(raw);
  return {
    ...base,
    ...mail,
    id,
    arrivedAt: arrivalOf(id),
    hasHtml: mail.html !== '',
    isLong: mail.text.replace(/https?:\S+/g, '').length > LONG_TEXT,
    hasText: mail.text !== '',
    lines: mail.text.split('\n').map((line) => ({ pieces: splitLinks(line) })),
  };
}

/** Text and links in turn; `href` is empty for text. */
function splitLinks(line: string): { text: string; href: string }[] {
  return line
    .split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/)
    .map((text, at) => ({ text, href: at % 2 === 1 ? text : '' }))
    .filter(({ text }) => text !== '');
}

// After the doctype, so that the mail is drawn in the mode that it asks for.
function withBase(html: string): string {
  const base = '<base target="_blank">';
  const [head = ''] = /^[^]{0,5000}?<head(\s[^>]*)?>|^\s*<!doctype[^>]*>/i.exec(html) ?? [];
  return head + base + html.slice(head.length);
}

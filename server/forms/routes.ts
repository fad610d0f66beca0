import { setTimeout } from 'node:timers/promises';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { formById, languagesOf, linkAddress, listBySlug, textOf, type ListFacts } from '../consent/catalogue.js';
import { takeAttributes } from '../consent/attributes.js';
import { tickedTopics } from '../consent/topics.js';
import { keepText } from '../consent/shown-text.js';
import { subscribe, type SignUpInput } from '../consent/subscribe.js';
import { Refusal } from '../errors.js';
import { CONFIRM_DAYS, hostOf } from '../links/urls.js';
import { tryAddress } from '../mail/address.js';
import {
  agentOf,
  fieldsOf,
  handle,
  ipOf,
  languageOf,
  onlyMethods,
  organisationBase,
  param,
  readForm,
  sendHtml,
  sendPage,
  wantsJson,
  type Site,
} from '../web/http.js';
import type { SignUpForm } from '../web/pages.js';
import { signUpLimit } from '../web/limits.js';
import { embeddedForm, servedForm, signUpHtml, ticketOf } from './sign-up-view.js';
import { MIN_FILL_MS, type Ticket } from './ticket.js';
import { formOf, tickedTracking, type FormOf } from './tracking-box.js';

/** Sign-up pages and the address that forms on other sites post to. */
export function formRoutes(site: Site): Router {
  const limit = signUpLimit(site.ctx);
  const routes = Router();
  routes
    .route('/lists/:slug')
    .get(handle(async (req, res) => showList(site, req, res, await listBySlug(site.ctx, param(req, 'slug')))))
    .post(
      limit,
      readForm,
      handle(async (req, res) => {
        const list = await listBySlug(site.ctx, param(req, 'slug'));
        await signUp(site, req, res, list, `${linkAddress(site.ctx, list.organisation)}/lists/${list.slug}`);
      }),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/forms/:id')
    .post(
      limit,
      allowOrigin(site),
      readForm,
      handle(async (req, res) => {
        const { list } = await formById(site.ctx, param(req, 'id'));
        await signUp(site, req, res, list, foreignPage(req) ?? linkAddress(site.ctx, list.organisation));
      }),
    )
    .options(allowOrigin(site), (_req, res) => void res.status(204).end())
    .all(onlyMethods('POST', 'OPTIONS'));
  routes
    .route('/forms/:id/embed')
    .get(
      allowOrigin(site),
      handle(async (req, res) => showEmbed(site, req, res)),
    )
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}

async function showList(site: Site, req: Request, res: Response, list: ListFacts): Promise<void> {
  const language = languageOf(site, req, undefined, languagesOf(list));
  res.setHeader('Cache-Control', 'no-store');
  sendHtml(res, signUpHtml(site, req, await formOf(site.ctx, list), language, {}, null));
}

async function showEmbed(site: Site, req: Request, res: Response): Promise<void> {
  const { list } = await formById(site.ctx, param(req, 'id'));
  const language = languageOf(site, req, undefined, languagesOf(list));
  res.setHeader('Cache-Control', 'no-store');
  res.json(embeddedForm(site, await formOf(site.ctx, list), language, param(req, 'id')).answer);
}

async function signUp(site: Site, req: Request, res: Response, list: ListFacts, formUrl: string): Promise<void> {
  const { ctx } = site;
  const fields = fieldsOf(req);
  const of = await formOf(ctx, list);
  const served = ticketOf(site, list, fields['ticket'] ?? '');
  const language = served?.language ?? languageOf(site, req, undefined, languagesOf(list));
  const address = tryAddress(fields['email'] ?? '');
  const wording = list.wordings.find((one) => one.id === fields['consent']);
  const tracking = tickedTracking(of, fields, served);
  const mayPost = served !== null || !ctx.config.abuseLimits;
  const agreed = wording !== undefined && (served === null || served.wordingId === wording.id);
  if (!address || !agreed || !mayPost || tracking === 'unknown') {
    const isStale = !mayPost || (wording !== undefined && !agreed) || tracking === 'unknown';
    const errors = { address: !address, consent: !wording, ticket: isStale };
    answerMistake(site, req, res, { of, language, fields, errors });
    return;
  }
  await fillTime(site, served);
  // The field that only robots see: they get the same answer, and nothing happens.
  if (!fields['website']) {
    const shown = served && servedForm(site, req, of, served);
    if (shown) await keepText(ctx, shown);
    const given: Given = {
      ...{ language, address, formHost: hostOf(formUrl), source: 'form', ip: ipOf(req), userAgent: agentOf(req) },
      form: { url: formUrl, ...(served?.formSha256 ? { sha256: served.formSha256 } : {}) },
    };
    await subscribe(ctx, {
      ...{ ...given, list, wording, topics: tickedTopics(list.topics, fields) },
      attributes: takeAttributes(list.organisation.attributes, fields),
    });
    // Another consent, with a chapter, a mail and a button of its own.
    if (of.tracking && tracking) await subscribe(ctx, { ...given, list: of.tracking, wording: tracking });
  }
  answerAccepted(site, req, res, { list, language, address: address.given, beside: tracking && of.tracking });
}

/** What is the same for each consent that a form asks for. */
type Given = Omit<SignUpInput, 'list' | 'wording'>;

interface Accepted {
  readonly list: ListFacts;
  readonly language: string;
  /** As typed. */
  readonly address: string;
  /** What else was agreed to. */
  readonly beside: ListFacts | null;
}

function answerAccepted(site: Site, req: Request, res: Response, accepted: Accepted): void {
  const { list, language, address, beside } = accepted;
  const expiresAt = new Date(site.ctx.now().getTime() + CONFIRM_DAYS * 86_400_000);
  if (wantsJson(req)) {
    res.json({
      status: 'check-your-mailbox',
      list: textOf(list, language).name,
      ...(beside ? { tracking: textOf(beside, language).name } : {}),
      from: list.organisation.fromAddress,
      expiresAt: expiresAt.toISOString(),
    });
    return;
  }
  sendPage(site, res, 'check-mail', {
    ...organisationBase(site, req, language, list.organisation),
    // Another language would mean another post.
    languages: [],
    list: textOf(list, language),
    address,
    beside: beside && textOf(beside, language),
    fromAddress: list.organisation.fromAddress,
    expiresAt,
    correctHref: `/lists/${list.slug}?lang=${language}`,
    mailboxHref: site.hasMailbox ? `/mailbox?lang=${language}` : null,
  });
}

interface Mistake {
  of: FormOf;
  language: string;
  fields: Record<string, string>;
  errors: NonNullable<SignUpForm['errors']>;
}

function answerMistake(site: Site, req: Request, res: Response, { of, language, fields, errors }: Mistake): void {
  if (wantsJson(req)) {
    const what = errors.address ? 'address-invalid' : errors.consent ? 'consent-missing' : 'ticket-invalid';
    throw new Refusal(what, `The sign-up was not accepted: ${what}.${what === 'ticket-invalid' ? HOW : ''}`);
  }
  sendHtml(res, signUpHtml(site, req, of, language, fields, errors), 422);
}

const HOW =
  ' Fetch the form anew (/forms/ID/embed), and send `ticket`, `consent` and, only where its box was ticked, `tracking` with the values that it gives.';

// Waiting costs a robot its speed and loses no person whose browser fills forms in by itself.
async function fillTime(site: Site, ticket: Ticket | null): Promise<void> {
  if (!ticket || !site.ctx.config.abuseLimits) return;
  const left = MIN_FILL_MS - (site.ctx.now().getTime() - ticket.issuedAt.getTime());
  if (left > 0) await setTimeout(Math.min(left, MIN_FILL_MS));
}

// The page that the form stood on, as far as the browser tells: its path only where both headers name one site. No query: it may name a person.
function foreignPage(req: Request): string | null {
  const [origin, referer] = [readUrl(req.get('origin')), readUrl(req.get('referer'))];
  const url = origin ?? referer;
  // It stands in the mail: no longer than a host can be.
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname.length > 253) return null;
  const path = referer?.host === url.host ? referer.pathname.slice(0, 200) : '/';
  return `${url.protocol}//${url.host}${path}`;
}

function readUrl(text: string | undefined): URL | null {
  return text !== undefined && URL.canParse(text) ? new URL(text) : null;
}

function allowOrigin(site: Site): RequestHandler {
  const allow = async (req: Request, res: Response): Promise<void> => {
    const { allowedOrigins } = await formById(site.ctx, param(req, 'id'));
    const origin = req.get('origin');
    res.vary('Origin');
    if (origin && allowedOrigins.includes(origin)) {
      res.setHeader('Access-Control-Allow-Origin', origin);
      res.setHeader('Access-Control-Allow-Methods', 'POST, GET');
      res.setHeader('Access-Control-Allow-Headers', 'Content-Type');
    }
  };
  return (req, res, next) => {
    allow(req, res).then(() => next(), next);
  };
}

import express, { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { Refusal } from '../errors.js';
import type { Outbound } from '../outbound.js';
import { handle, onlyMethods, type Site } from '../web/http.js';
import { webhookLimit } from '../web/limits.js';
import { bindToken } from './bind-token.js';
import { confirmTopic } from './confirm-topic.js';
import { mailgunBody, readMailgun } from './read-mailgun.js';
import { readPostmark } from './read-postmark.js';
import { readSendGrid } from './read-sendgrid.js';
import { readSes } from './read-ses.js';
import { isLoggedIn, isSignedByMailgun, isSignedBySendGrid, readSendGridKey } from './signatures.js';
import { makeSnsKeys } from './sns-keys.js';
import { isSignedBySns, snsMessage } from './sns.js';
import { takeEvents } from './take-events.js';

/** SendGrid sends up to 768 KB at once; the others less. */
const BODY_BYTES = 1024 * 1024;

/** How old a signature may be, in ms: providers try again for hours, and a day at most. From the future only as far as clocks differ. */
const OLDEST_MS = 24 * 3_600_000;
const SKEW_MS = 5 * 60_000;

/**
 * Where providers tell what became of mail (T13): size first, then signature, then content. An address is there only for a provider that the settings name.
 * Whatever is signed and of no use is answered 200, so that it is not told again.
 */
export function webhookRoutes(site: Site, outbound: Outbound): Router {
  const { webhooks } = site.ctx.config;
  const routes = Router();
  const add = (provider: string, take: (req: Request, body: Buffer) => Promise<void>): void => {
    routes
      .route(`/webhooks/${provider}`)
      .post(
        webhookLimit(site.ctx),
        express.raw({ type: () => true, limit: BODY_BYTES, inflate: false }),
        handle(async (req, res) => {
          await take(req, bodyOf(req));
          taken(res);
        }),
      )
      .all(onlyMethods('POST'));
  };
  if (webhooks.sesTopics.length > 0) add('ses', fromSes(site, outbound, webhooks.sesTopics));
  if (webhooks.postmarkLogin !== null) add('postmark', fromPostmark(site, webhooks.postmarkLogin));
  if (webhooks.mailgunKey !== null) add('mailgun', fromMailgun(site, webhooks.mailgunKey));
  if (webhooks.sendgridKey !== null) add('sendgrid', fromSendGrid(site, webhooks.sendgridKey));
  return routes;
}

type Take = (req: Request, body: Buffer) => Promise<void>;

function fromSes(site: Site, outbound: Outbound, topics: readonly string[]): Take {
  const keyOf = makeSnsKeys(outbound, () => site.ctx.now());
  return async (_req, body) => {
    const message = read(snsMessage, jsonIn(body));
    // Before anything is fetched: nobody else's topic makes us ask anywhere.
    if (!topics.includes(message.TopicArn)) throw unsigned('The topic is not one of those that were set.');
    if (!isSignedBySns(message, await keyOf(message))) throw unsigned();
    checkAge(site, new Date(message.Timestamp));
    if (message.Type === 'SubscriptionConfirmation') await confirmTopic(outbound, message);
    if (message.Type !== 'Notification') return;
    const told = z.record(z.string(), z.unknown()).safeParse(jsonOrNull(message.Message));
    // SNS says hello in plain text when a topic is set.
    if (told.success)
      await takeEvents(
        site.ctx,
        'ses',
        reading(() => readSes(told.data)),
      );
  };
}

function fromPostmark(site: Site, login: string): Take {
  return async (req, body) => {
    if (!isLoggedIn(req.get('authorization'), login)) throw new Refusal('login-failed', 'Name or password is wrong.');
    const told = read(z.record(z.string(), z.unknown()), jsonIn(body));
    await takeEvents(
      site.ctx,
      'postmark',
      reading(() => readPostmark(told)),
    );
  };
}

function fromMailgun(site: Site, key: string): Take {
  return async (_req, body) => {
    const { signature, 'event-data': event } = read(mailgunBody, jsonIn(body));
    if (!isSignedByMailgun(signature, key)) throw unsigned();
    checkAge(site, new Date(Number(signature.timestamp) * 1000));
    // It signs a token and no content: whoever saw one could tell something else with it.
    if (!(await bindToken(site.ctx, signature.token, JSON.stringify(event))))
      throw unsigned('The signature was used for something else.');
    await takeEvents(
      site.ctx,
      'mailgun',
      reading(() => readMailgun(event)),
    );
  };
}

function fromSendGrid(site: Site, given: string): Take {
  const key = readSendGridKey(given);
  return async (req, body) => {
    const timestamp = req.get('x-twilio-email-event-webhook-timestamp') ?? '';
    const signature = req.get('x-twilio-email-event-webhook-signature') ?? '';
    if (!/^\d{1,12}$/.test(timestamp) || !isSignedBySendGrid({ timestamp, body, signature }, key)) throw unsigned();
    checkAge(site, new Date(Number(timestamp) * 1000));
    await takeEvents(
      site.ctx,
      'sendgrid',
      reading(() => readSendGrid(jsonIn(body))),
    );
  };
}

function bodyOf(req: Request): Buffer {
  return Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
}

function taken(res: Response): void {
  res.setHeader('Cache-Control', 'no-store');
  res.status(200).type('text/plain').send('taken\n');
}

function unsigned(words = 'The signature is not that of the provider.'): Refusal {
  return new Refusal('not-allowed', words);
}

function checkAge(site: Site, signedAt: Date): void {
  const age = site.ctx.now().getTime() - signedAt.getTime();
  if (!(age <= OLDEST_MS && age >= -SKEW_MS)) throw unsigned('The signature is out of its time.');
}

/** Throws `body-invalid`. */
function jsonIn(body: Buffer): unknown {
  const json = jsonOrNull(body.toString('utf8'));
  if (json === null) throw new Refusal('body-invalid', 'What was sent is no JSON.');
  return json;
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Throws `body-invalid`, and says nothing of what stood there. */
function read<T>(schema: z.ZodType<T>, json: unknown): T {
  return reading(() => schema.parse(json));
}

function reading<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const places = error.issues.slice(0, 5).map(({ path }) => path.join('.'));
    throw new Refusal('body-invalid', `What was sent is not as the provider describes it: ${places.join(', ')}.`);
  }
}

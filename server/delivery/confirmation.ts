import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { act } from '../consent/act.js';
import { textOf } from '../consent/catalogue.js';
import { bytesOf, uuidOf } from '../consent/confirm.js';
import { listRecord } from '../consent/facts.js';
import type { Context } from '../context.js';
import { prepareEvent } from '../ledger/append.js';
import { waitForLeaves } from '../ledger/integrate.js';
import { CONFIRM_DAYS, confirmUrl, notMeUrl, preferencesUrl } from '../links/urls.js';
import { composeMail, type MailTemplates } from '../mail/compose.js';
import { hole } from '../mail/hole.js';
import type { Claimed } from './claim.js';
import type { Builder, BuiltMail } from './deliver.js';
import { loadRequests, type Request } from './request.js';
import { composeConfirmation, mailBase, purgeAt, type ConfirmationDraft } from './compose-confirmation.js';
import { makeSingleMail, stableMessageId, type SingleMail } from './single-mail.js';

const DAY_MS = 86_400_000;
const LEAF_MS = 15_000;
/** Of the words and the look; goes into the evidence. */
const TEMPLATE_VERSION = '1';

/**
 * Builds confirmation mails. The secret of each link is minted here, in memory, and leaves only inside its mail: the log holds its hash first, and the mail
 * is handed over only once a persisted tree head covers that (T1). A retry mints a new one; every unexpired one confirms.
 */
export function confirmationBuilder(templates: MailTemplates): Builder {
  return async (ctx, deliveries) => {
    const requests = await loadRequests(ctx, deliveries);
    const results = await Promise.all(
      deliveries.map(async (delivery) => offer(ctx, templates, delivery, requests.get(delivery.messageId))),
    );
    const events = results.flatMap((result) => ('eventId' in result ? [result.eventId] : []));
    ctx.bell.ring('event');
    if ((await waitForLeaves(ctx, events, LEAF_MS)).size < events.length)
      throw new Error('the log did not take the offers in time');
    return results.map((result) => ('cannot' in result ? result : result.built));
  };
}

/** Builds "you are on this list" mails. */
export function alreadyBuilder(templates: MailTemplates): Builder {
  return async (ctx, deliveries) => {
    const requests = await loadRequests(ctx, deliveries);
    return Promise.all(
      deliveries.map(async (delivery) => {
        const request = requests.get(delivery.messageId);
        if (!request || !delivery.consent) return { delivery, cannot: 'erased' };
        const { chapter, list, signUp, maker } = request;
        const composed = composeMail(templates, 'already', chapter.language, {
          ...mailBase(ctx, list, chapter.language, maker),
          list: textOf(list, chapter.language).name,
          origin: { kind: 'form', host: signUp.formHost },
          requestedAt: chapter.requested_at,
          settingsUrl: hole('settings_url'),
        });
        const holes = { settings_url: preferencesUrl(maker, delivery.consent.preferencesRef) };
        const messageId = stableMessageId(ctx, delivery.messageId, delivery.subscriberId);
        const mail = await makeSingleMail(ctx, list.organisation, {
          ...composed,
          to: delivery.address,
          messageId,
          holes,
        });
        return { delivery, from: list.organisation.fromAddress, message: mail.bytes };
      }),
    );
  };
}

type Offered = { built: BuiltMail; eventId: string } | { delivery: Claimed; cannot: string };

async function offer(
  ctx: Context,
  templates: MailTemplates,
  delivery: Claimed,
  request: Request | undefined,
): Promise<Offered> {
  if (!request) return { delivery, cannot: 'erased' };
  const { list, maker } = request;
  const expiresAt = new Date(ctx.now().getTime() + CONFIRM_DAYS * DAY_MS);
  const [ref, secret] = [randomBytes(16), randomBytes(16)];
  const holes = { confirm_url: confirmUrl(maker, ref, secret, expiresAt), not_me_url: notMe(request) };
  const mail = await makeSingleMail(ctx, list.organisation, {
    ...composeConfirmation(ctx, templates, draftOf(request), expiresAt),
    to: delivery.address,
    messageId: stableMessageId(ctx, delivery.messageId, delivery.subscriberId),
    holes,
  });
  // What is kept as evidence is the same mail with a secret that opens nothing: with the link from the mailbox it becomes the mail that left, to the byte.
  const blanked = mail.refill({ ...holes, confirm_url: confirmUrl(maker, ref, Buffer.alloc(16), expiresAt) });
  const eventId = await appendOffer(ctx, request, delivery, { ref, secret, expiresAt, mail, blanked });
  return eventId === null
    ? { delivery, cannot: 'changed' }
    : { built: { delivery, from: list.organisation.fromAddress, message: mail.bytes }, eventId };
}

interface Link {
  ref: Buffer;
  secret: Buffer;
  expiresAt: Date;
}

function draftOf({ chapter, list, wording, signUp }: Request): ConfirmationDraft {
  return {
    organisation: list.organisation,
    listName: textOf(list, chapter.language).name,
    wording: wording.label,
    language: chapter.language,
    formHost: signUp.formHost,
    requestedAt: chapter.requested_at,
  };
}

function notMe({ chapter, maker }: Request): string {
  return notMeUrl(maker, bytesOf(chapter.chapter), purgeAt(chapter.requested_at));
}

async function appendOffer(
  ctx: Context,
  request: Request,
  delivery: Claimed,
  made: Link & { mail: SingleMail; blanked: Buffer },
): Promise<string | null> {
  const { chapter, list, wording, key } = request;
  const { mail, blanked, secret, ref, expiresAt } = made;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const consent =
      attempt === 0 ? request.consent : (await loadRequests(ctx, [delivery])).get(delivery.messageId)?.consent;
    if (!consent || consent.state === 'confirmed') return null;
    const secretHash = createHash('sha256').update(secret).digest();
    const event = prepareEvent(ctx.keyring, {
      id: randomUUID(),
      signUpId: chapter.chapter,
      kind: 'offered',
      happenedAt: ctx.now(),
      evidenceKey: key,
      record: {
        ...listRecord(list, wording, chapter.language),
        entity: 'system',
        prev_event_commit: consent.lastCommitment?.toString('base64') ?? null,
        request_commit: chapter.requested_commitment.toString('base64'),
        token: {
          ref: ref.toString('hex'),
          secret_sha256: secretHash.toString('hex'),
          expires_at: expiresAt.toISOString(),
        },
        mail: {
          message_id: mail.messageId,
          template_version: TEMPLATE_VERSION,
          sha256: createHash('sha256').update(mail.bytes).digest('hex'),
          dkim_domain: mail.dkim.domain,
          dkim_selector: mail.dkim.selector,
        },
      },
      fields: { address: delivery.address, mail: blanked.toString('latin1') },
    });
    const extra = {
      sql: `, made as (insert into offer (id, sign_up_id, consent_id, event_id, secret_hash, created_at, expires_at)
        select $24::uuid, $25::uuid, $26::uuid, $27::uuid, $28::bytea, $29::timestamptz, $30::timestamptz where exists (select from changed))`,
      params: [uuidOf(ref), chapter.chapter, consent.id, event.id, secretHash, ctx.now(), expiresAt],
    };
    if (await act(ctx.db, ctx, consent, {}, event, extra)) return event.id;
  }
  throw new Error('a consent kept changing while its mail was built');
}

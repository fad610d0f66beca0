import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { act, CONSENT_COLUMNS, type LoadedConsent } from '../consent/act.js';
import { linkAddress, listById, textOf, type ListFacts, type Wording } from '../consent/catalogue.js';
import { evidenceKey, openSignUp } from '../consent/chapter.js';
import { bytesOf, uuidOf } from '../consent/confirm.js';
import { listRecord } from '../consent/facts.js';
import { PURGE_DAYS, type SealedSignUp } from '../consent/subscribe.js';
import type { Context } from '../context.js';
import { prepareEvent } from '../ledger/append.js';
import { waitForLeaves } from '../ledger/integrate.js';
import { CONFIRM_DAYS, confirmUrl, hostOf, notMeUrl, preferencesUrl, type LinkMaker } from '../links/urls.js';
import { composeMail, type MailBase, type MailTemplates } from '../mail/compose.js';
import type { Claimed } from './claim.js';
import type { Builder, BuiltMail } from './deliver.js';
import { makeSingleMail, stableMessageId, type SingleMail } from './single-mail.js';

const DAY_MS = 86_400_000;
const LEAF_MS = 15_000;
/** Of the words and the look; goes into the evidence. */
const TEMPLATE_VERSION = '1';

interface Chapter {
  id: string;
  language: string;
  wording_id: string;
  evidence_key: Buffer | null;
  sealed: Buffer | null;
  requested_at: Date;
  requested_commitment: Buffer;
}

interface Request {
  readonly chapter: Chapter;
  readonly list: ListFacts;
  readonly wording: Wording;
  readonly key: Buffer;
  readonly signUp: SealedSignUp;
  readonly maker: LinkMaker;
}

/**
 * Builds confirmation mails. The secret of each link is minted here, in memory, and leaves only inside its mail: the log holds its hash first, and the mail
 * is handed over only once a persisted tree head covers that (T1). A retry mints a new one; every unexpired one confirms.
 */
export function confirmationBuilder(templates: MailTemplates): Builder {
  return async (ctx, deliveries) => {
    const results = await Promise.all(deliveries.map(async (delivery) => offer(ctx, templates, delivery)));
    const events = results.flatMap((result) => ('eventId' in result ? [result.eventId] : []));
    ctx.bell.ring('event');
    if (!(await waitForLeaves(ctx, events, LEAF_MS))) throw new Error('the log did not take the offers in time');
    return results.map((result) => ('cannot' in result ? result : result.built));
  };
}

/** Builds "you are on this list" mails. */
export function alreadyBuilder(templates: MailTemplates): Builder {
  return async (ctx, deliveries) =>
    Promise.all(
      deliveries.map(async (delivery) => {
        const request = await load(ctx, delivery);
        if (!request || !delivery.consent) return { delivery, cannot: 'erased' };
        const { chapter, list, signUp, maker } = request;
        const composed = composeMail(templates, 'already', chapter.language, {
          ...mailBase(ctx, list, chapter.language, maker),
          list: textOf(list, chapter.language).name,
          origin: { kind: 'form', host: signUp.formHost },
          requestedAt: chapter.requested_at,
          settingsUrl: preferencesUrl(maker, delivery.consent.preferencesRef),
        });
        const messageId = stableMessageId(ctx, delivery.messageId, delivery.subscriberId);
        const mail = await makeSingleMail(ctx, list.organisation, { ...composed, to: delivery.address, messageId });
        return { delivery, from: list.organisation.fromAddress, message: mail.bytes };
      }),
    );
}

/** What every single mail of an organisation says of itself. */
export function mailBase(ctx: Context, list: ListFacts, language: string, maker: LinkMaker): MailBase {
  const { organisation } = list;
  return {
    zone: organisation.timeZone,
    organisation: {
      name: organisation.name,
      legalName: organisation.legalName,
      postalAddress: organisation.postalAddress,
    },
    noticeUrl: `${linkAddress(ctx, organisation)}/privacy/${organisation.slug}?lang=${language}`,
    linkHost: hostOf(maker.publicUrl),
  };
}

type Offered = { built: BuiltMail; eventId: string } | { delivery: Claimed; cannot: string };

async function offer(ctx: Context, templates: MailTemplates, delivery: Claimed): Promise<Offered> {
  const request = await load(ctx, delivery);
  if (!request || !delivery.consent) return { delivery, cannot: 'erased' };
  const expiresAt = new Date(ctx.now().getTime() + CONFIRM_DAYS * DAY_MS);
  const [ref, secret] = [randomBytes(16), randomBytes(16)];
  const messageId = stableMessageId(ctx, delivery.messageId, delivery.subscriberId);
  const mail = await compose(ctx, templates, request, delivery.address, messageId, { ref, secret, expiresAt });
  // What is kept as evidence is the same mail with a secret that opens nothing.
  const blanked = await compose(ctx, templates, request, delivery.address, messageId, {
    ref,
    secret: Buffer.alloc(16),
    expiresAt,
  });
  const eventId = await appendOffer(ctx, request, delivery, { ref, secret, expiresAt, mail, blanked });
  return eventId === null
    ? { delivery, cannot: 'changed' }
    : { built: { delivery, from: request.list.organisation.fromAddress, message: mail.bytes }, eventId };
}

interface Link {
  ref: Buffer;
  secret: Buffer;
  expiresAt: Date;
}

async function compose(
  ctx: Context,
  templates: MailTemplates,
  request: Request,
  to: string,
  messageId: string,
  link: Link,
): Promise<SingleMail> {
  const { chapter, list, wording, signUp, maker } = request;
  const composed = composeMail(templates, 'confirmation', chapter.language, {
    ...mailBase(ctx, list, chapter.language, maker),
    list: textOf(list, chapter.language).name,
    wordings: [wording.label],
    origin: { kind: 'form', host: signUp.formHost },
    requestedAt: chapter.requested_at,
    confirmUrl: confirmUrl(maker, link.ref, link.secret, link.expiresAt),
    expiresAt: link.expiresAt,
    notMeUrl: notMeUrl(maker, bytesOf(chapter.id), new Date(chapter.requested_at.getTime() + PURGE_DAYS * DAY_MS)),
    purgeAt: new Date(chapter.requested_at.getTime() + PURGE_DAYS * DAY_MS),
  });
  return makeSingleMail(ctx, list.organisation, { ...composed, to, messageId });
}

async function appendOffer(
  ctx: Context,
  { chapter, list, wording, key }: Request,
  delivery: Claimed,
  made: Link & { mail: SingleMail; blanked: SingleMail },
): Promise<string | null> {
  const { mail, blanked, secret, ref, expiresAt } = made;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const [consent] = await ctx.db.prepared<LoadedConsent>(`select ${CONSENT_COLUMNS} from consent c where c.id = $1`, [
      delivery.consent?.id,
    ]);
    if (!consent || consent.state === 'confirmed') return null;
    const secretHash = createHash('sha256').update(secret).digest();
    const event = prepareEvent(ctx.keyring, {
      id: randomUUID(),
      signUpId: chapter.id,
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
      fields: { address: delivery.address, mail: blanked.bytes.toString('latin1') },
    });
    const extra = {
      sql: `, made as (insert into offer (id, sign_up_id, consent_id, event_id, secret_hash, created_at, expires_at)
        select $24::uuid, $25::uuid, $26::uuid, $27::uuid, $28::bytea, $29::timestamptz, $30::timestamptz where exists (select from changed))`,
      params: [uuidOf(ref), chapter.id, consent.id, event.id, secretHash, ctx.now(), expiresAt],
    };
    if (await act(ctx.db, ctx, consent, {}, event, extra)) return event.id;
  }
  throw new Error('a consent kept changing while its mail was built');
}

async function load(ctx: Context, delivery: Claimed): Promise<Request | null> {
  const [chapter] = await ctx.db.prepared<Chapter>(
    'select id, language, wording_id, evidence_key, sealed, requested_at, requested_commitment from sign_up where id = $1',
    [delivery.messageId],
  );
  if (!chapter?.evidence_key || !chapter.sealed || !delivery.consent) return null;
  const list = await listById(ctx, delivery.consent.purposeId);
  const wording = list.wordings.find((one) => one.id === chapter.wording_id);
  if (!wording) throw new Error('a wording that was agreed to is gone');
  const key = evidenceKey(ctx.keyring, chapter.id, chapter.evidence_key);
  return {
    chapter,
    list,
    wording,
    key,
    signUp: openSignUp(key, chapter.id, chapter.sealed),
    maker: { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) },
  };
}

import { createHash, randomUUID } from 'node:crypto';
import { actAll, type LoadedConsent } from '../consent/act.js';
import { uuidOf } from '../links/uuid.js';
import { listRecord } from '../consent/facts.js';
import { sealOffer } from '../consent/offer-seal.js';
import type { Context } from '../context.js';
import { prepareEvent, type PreparedEvent } from '../ledger/append.js';
import type { Claimed } from './claim.js';
import { loadRequests, type Request } from './request.js';
import type { SingleMail } from './single-mail.js';

/** Of the words and the look; goes into the evidence. */
const TEMPLATE_VERSION = '2';

/** A mail with the link that it holds, and the address for answers if it names one; its offer is not written yet. */
export interface Draft {
  readonly delivery: Claimed;
  readonly request: Request;
  readonly ref: Buffer;
  readonly secret: Buffer;
  /** null: the list takes no answers. */
  readonly replySecret: Buffer | null;
  readonly expiresAt: Date;
  readonly mail: SingleMail;
  /** The same with secrets that open nothing. */
  readonly blanked: Buffer;
}

/** Writes the offers of mails that are about to leave; returns the events of those whose consent still waits for an answer. */
export async function appendOffers(ctx: Context, drafts: readonly Draft[]): Promise<Map<Draft, string>> {
  const done = new Map<Draft, string>();
  let left = drafts;
  for (let attempt = 0; left.length > 0; attempt += 1) {
    if (attempt === 5) throw new Error('a consent kept changing while its mail was built');
    const current =
      attempt > 0
        ? await loadRequests(
            ctx,
            left.map(({ delivery }) => delivery),
          )
        : null;
    const acts = left.flatMap((made) => {
      const consent = current ? current.get(made.delivery.messageId)?.consent : made.request.consent;
      return consent && consent.state !== 'confirmed'
        ? [{ made, consent, change: {}, event: offeredEvent(ctx, made, consent) }]
        : [];
    });
    const changed = await actAll(ctx.db, ctx, acts, {
      columns: [
        ...['event_id uuid', 'offer_id uuid', 'chapter uuid', 'consent_id uuid', 'secret_hash bytea'],
        ...['reply_secret_hash bytea', 'seal bytea'],
        ...['created_at timestamptz', 'expires_at timestamptz'],
      ],
      rows: acts.map(({ made, consent, event }) => {
        const offer = {
          ...{ id: uuidOf(made.ref), signUpId: made.request.chapter.chapter, consentId: consent.id, eventId: event.id },
          ...{ secretHash: sha256(made.secret), replySecretHash: made.replySecret && sha256(made.replySecret) },
        };
        return [
          ...[event.id, offer.id, offer.signUpId, offer.consentId, offer.secretHash, offer.replySecretHash],
          ...[sealOffer(ctx, offer), ctx.now(), made.expiresAt],
        ];
      }),
      sql: `, made as (insert into offer (id, sign_up_id, consent_id, event_id, secret_hash, reply_secret_hash, seal, created_at, expires_at)
        select offer_id, chapter, consent_id, event_id, secret_hash, reply_secret_hash, seal, created_at, expires_at from done)`,
    });
    acts.forEach(({ made, event }, place) => changed[place] && done.set(made, event.id));
    left = acts.filter((_, place) => !changed[place]).map(({ made }) => made);
  }
  return done;
}

function offeredEvent(ctx: Context, made: Draft, consent: LoadedConsent): PreparedEvent {
  const { chapter, list, wording, key } = made.request;
  const { delivery, mail, blanked, secret, replySecret, ref, expiresAt } = made;
  return prepareEvent(ctx.keyring, {
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
        secret_sha256: sha256(secret).toString('hex'),
        ...(replySecret ? { reply_secret_sha256: sha256(replySecret).toString('hex') } : {}),
        expires_at: expiresAt.toISOString(),
        kid: ctx.keyring.current,
      },
      mail: {
        message_id: mail.messageId,
        template_version: TEMPLATE_VERSION,
        sha256: sha256(mail.bytes).toString('hex'),
        dkim_domain: mail.dkim.domain,
        dkim_selector: mail.dkim.selector,
      },
    },
    fields: { address: delivery.address, mail: blanked.toString('latin1') },
  });
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

import { linkAddress, type OrganisationFacts } from '../consent/catalogue.js';
import { PURGE_DAYS } from '../consent/periods.js';
import type { Context } from '../context.js';
import { hostOf, type LinkMaker } from '../links/urls.js';
import { composeMail, type ComposedMail, type MailBase, type MailOrigin, type MailTemplates } from '../mail/compose.js';
import { hole } from '../mail/hole.js';

/** What a confirmation mail says, but for its links. */
export interface ConfirmationDraft {
  readonly organisation: Sender;
  readonly listName: string;
  /** No list, but what people agree to beside it. */
  readonly isTracking: boolean;
  readonly wording: string;
  readonly language: string;
  readonly origin: MailOrigin;
  /** When the person asked for it, as they know it. */
  readonly askedAt: Date;
  readonly requestedAt: Date;
  /** Does the list take answers that confirm? */
  readonly byReply: boolean;
}

/** The same for everybody who signed up for a list in the same minute: the links are holes. */
export function composeConfirmation(
  ctx: Pick<Context, 'publicUrl'>,
  templates: MailTemplates,
  draft: ConfirmationDraft,
  expiresAt: Date,
): ComposedMail {
  const { organisation, listName, isTracking, wording, language, origin, askedAt, requestedAt, byReply } = draft;
  return composeMail(templates, 'confirmation', language, {
    ...mailBase(ctx, draft, language, { publicUrl: linkAddress(ctx, organisation) }),
    list: listName,
    isTracking,
    wordings: [wording],
    origin,
    requestedAt: askedAt,
    confirmUrl: hole('confirm_url'),
    expiresAt,
    byReply,
    notMeUrl: hole('not_me_url'),
    purgeAt: purgeAt(requestedAt),
  });
}

/** What every single mail of an organisation says of itself. */
export function mailBase(
  ctx: Pick<Context, 'publicUrl'>,
  { organisation }: { organisation: Sender },
  language: string,
  maker: Pick<LinkMaker, 'publicUrl'>,
): MailBase {
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

/** Until when an unconfirmed sign-up holds personal data. */
export function purgeAt(requestedAt: Date): Date {
  return new Date(requestedAt.getTime() + PURGE_DAYS * 86_400_000);
}

type Sender = Pick<OrganisationFacts, 'slug' | 'name' | 'legalName' | 'postalAddress' | 'timeZone' | 'publicUrl'>;

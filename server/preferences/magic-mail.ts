import { catalogue, linkAddress } from '../consent/catalogue.js';
import { hostOf, MAGIC_MINUTES, magicUrl } from '../links/urls.js';
import { composeMail, type MailTemplates } from '../mail/compose.js';
import { hole } from '../mail/hole.js';
import type { Builder } from '../delivery/built-mail.js';
import { makeSingleMail, stableMessageId } from '../delivery/single-mail.js';
import { mintMagicLink } from './magic.js';

/** Builds the mails with the settings link; each try mints a link of its own. */
export function magicBuilder(templates: MailTemplates): Builder {
  return async (ctx, deliveries) => {
    const { organisations } = await catalogue(ctx);
    return Promise.all(
      deliveries.map(async (delivery) => {
        const organisation = organisations.find((one) => one.id === delivery.organisationId);
        if (!organisation) return { delivery, cannot: 'organisation' };
        const now = ctx.now();
        const expiresAt = new Date(now.getTime() + MAGIC_MINUTES * 60_000);
        const { ref, secret } = await mintMagicLink(ctx, delivery.subscriberId, expiresAt);
        const maker = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, organisation) };
        const composed = composeMail(templates, 'magic', delivery.language, {
          zone: organisation.timeZone,
          organisation: {
            name: organisation.name,
            legalName: organisation.legalName,
            postalAddress: organisation.postalAddress,
          },
          noticeUrl: `${maker.publicUrl}/privacy/${organisation.slug}?lang=${delivery.language}`,
          linkHost: hostOf(maker.publicUrl),
          requestedAt: now,
          magicUrl: hole('magic_url'),
          expiresAt,
        });
        const messageId = stableMessageId(ctx, delivery.messageId, delivery.subscriberId);
        const holes = { magic_url: magicUrl(maker, ref, secret, expiresAt) };
        const mail = await makeSingleMail(ctx, organisation, { ...composed, to: delivery.address, messageId, holes });
        return { delivery, from: organisation.fromAddress, message: mail.bytes };
      }),
    );
  };
}

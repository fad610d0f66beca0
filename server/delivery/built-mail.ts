import type { Context } from '../context.js';
import type { SmtpMail } from '../mail/smtp.js';
import type { Claimed } from './claim.js';
import type { Persistence } from './persistence.js';
import { withMark } from './with-mark.js';

/** A mail ready for SMTP. */
export interface BuiltMail {
  readonly delivery: Claimed;
  readonly from: string;
  /** A promise: it is being made, and leaves when it is. Of a large mail: what builds it, once it is its turn to leave; one such is in memory at a time. */
  readonly message: Message | Promise<Made> | Making;
  /** The same in ASCII, signed anew, for a server without 8BITMIME; null: it cannot be. Absent: it is ASCII. */
  readonly sevenBit?: () => Promise<Buffer[] | null>;
  /** What must be written down before it is written down that the mail left. Does not reject. */
  readonly kept?: Promise<void>;
  /** How long it is tried; absent: as usual. */
  readonly tries?: Persistence;
}

type Message = Buffer | Buffer[];
/** Why there is no message: it cannot be, or may not leave now. */
export type Unmade = { readonly cannot: string } | { readonly isHeld: true };
/** A message, or why there is none. */
export type Made = ({ readonly message: Message } & Pick<BuiltMail, 'sevenBit'>) | Unmade;
export type Making = () => Promise<Made>;

/** Builds the mails of one template; what cannot be built is settled with the reason given, and what may not leave now is put back. */
export type Builder = (
  ctx: Context,
  deliveries: readonly Claimed[],
) => Promise<(BuiltMail | ({ delivery: Claimed } & Unmade))[]>;

/** Builds mails, each by the builder of its template. */
export async function build(
  ctx: Context,
  builders: Readonly<Record<string, Builder>>,
  mails: readonly Claimed[],
): ReturnType<Builder> {
  const byTemplate = new Map<string, Claimed[]>();
  for (const mail of mails) byTemplate.set(mail.template, [...(byTemplate.get(mail.template) ?? []), mail]);
  const built = await Promise.all(
    [...byTemplate].map(async ([template, group]) => {
      const builder = builders[template];
      const made = builder ? await builder(ctx, group) : group.map((delivery) => ({ delivery, cannot: 'template' }));
      // One may fail while other groups are still built, before anybody waits for it: whoever does later hears of it.
      for (const one of made)
        if ('message' in one && one.message instanceof Promise) one.message.catch(() => undefined);
      return made;
    }),
  );
  return built.flat();
}

/** What SMTP is given of a mail. */
export function readyFor(
  ctx: Context,
  { delivery, from, message, sevenBit, kept }: BuiltMail & { message: Message },
): SmtpMail {
  return {
    ...{ from, to: delivery.address, message: withMark(ctx, delivery, message) },
    ...(sevenBit
      ? { sevenBit: async () => (kept ?? Promise.resolve()).then(async () => inSevenBit(ctx, delivery, sevenBit)) }
      : {}),
  };
}

async function inSevenBit(
  ctx: Context,
  delivery: Claimed,
  sevenBit: NonNullable<BuiltMail['sevenBit']>,
): Promise<Buffer[] | null> {
  try {
    const message = await sevenBit();
    return message && [withMark(ctx, delivery, message)].flat();
  } catch (error) {
    ctx.logger.error({ err: error, messageId: delivery.messageId }, 'a mail could not be written in ASCII');
    throw error;
  }
}

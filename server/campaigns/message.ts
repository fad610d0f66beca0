import { createHash } from 'node:crypto';
import { linkAddress, textOf, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { domainsOf } from '../delivery/known-domains.js';
import { Refusal } from '../errors.js';
import { domainOf } from '../mail/address.js';
import { prepareMessage, type PreparedMessage } from '../mail/footer-engine.js';
import type { Footer } from '../mail/footer.js';
import { mailboxField, textField, type HeaderField } from '../mail/headers.js';
import { listFields } from '../mail/list-headers.js';
import { readMail } from '../mail/read-mail.js';
import { toSevenBit } from '../mail/seven-bit.js';
import { stripMessage } from '../mail/strip-message.js';
import type { ForeignTag } from './becomes.js';
import { refuseComplex } from './complexity.js';
import { footerOf, senderId, type CampaignContent, type Variant } from './prepare.js';
import { refuseTemplate } from './problem.js';
import { resolveTags } from './resolve-tags.js';

/** A finished message made ready for all recipients of one language: only its footer and its header differ. */
export interface ReadyMessage {
  readonly prepared: PreparedMessage;
  /** Its links and its date are holes. */
  readonly footer: Footer;
  readonly headers: readonly HeaderField[];
  /** 32 hex digits. */
  readonly boundary: string;
}

/** A message above this is refused, in bytes. */
export const MAX_MESSAGE_BYTES = 10_000_000;

/** Reads an uploaded message as a campaign that is sent as it is. Throws `template-refused`. */
export async function readMessage(
  ctx: Context,
  { organisation }: ListFacts,
  bytes: Buffer,
): Promise<{
  readonly source: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly foreign: ForeignTag[];
}> {
  if (bytes.length > MAX_MESSAGE_BYTES) throw refuse('too-large-message', 'The message is larger than 10 MB.');
  const domains = await domainsOf(ctx, organisation);
  try {
    const { raw, subject } = stripMessage(bytes, (from) => domains.includes(domainOf(from)));
    const whole = prepareMessage(raw, { signed: 'wrap' }).raw;
    const { html, text } = readMail(whole);
    refuseComplex(html);
    // In ASCII where that can be: no server on the way has to change it (F-17).
    const source = (toSevenBit(whole) ?? whole).toString('latin1');
    return { source, subject, html: plain(html), text: plain(text), foreign: tagsIn(`${text}\n${html}`) };
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'message-refused') throw error;
    throw refuse('message', error.message);
  }
}

/** The message of all recipients of one language. Throws `message-refused`. */
export function prepareFinished(
  ctx: Pick<Context, 'publicUrl' | 'keyring'>,
  list: ListFacts,
  content: CampaignContent & { readonly message: string },
  { language, why }: Variant,
): ReadyMessage {
  const { organisation } = list;
  const prepared = prepareMessage(Buffer.from(content.message, 'latin1'), { signed: 'wrap' });
  const hasFrom = prepared.root.header.fields.some(({ name }) => name === 'from');
  const from = { name: organisation.name, address: organisation.fromAddress };
  return {
    prepared,
    footer: footerOf(ctx, list, language, why),
    headers: [
      ...(hasFrom ? [] : [mailboxField('From', from)]),
      textField('Subject', content.subject),
      ...listFields({
        listName: textOf(list, language).name,
        listId: `${list.slug}.${domainOf(organisation.fromAddress)}`,
        helpUrl: `${linkAddress(ctx, organisation)}/lists/${list.slug}`,
        feedbackId: [content.id, list.slug, 'campaign', senderId(organisation)],
      }),
    ],
    boundary: createHash('sha256').update(`boundary\0${content.id}\0${language}\0${why}`).digest('hex').slice(0, 32),
  };
}

// What nobody fills stays as it is: somebody must say that this is meant.
function tagsIn(text: string): ForeignTag[] {
  const { foreign } = resolveTags(text.replace(/[\ufdd0\ufdd1]/g, ''), new Map());
  return foreign.map((one) => ({ ...one, isCondition: false, lines: [], becomes: { as: 'text', text: one.tag } }));
}

function plain(text: string): string {
  return text.replace(/[\0\ufdd0\ufdd1]/g, '');
}

function refuse(reason: 'message' | 'too-large-message', message: string) {
  return refuseTemplate([{ line: null, reason, message }]);
}

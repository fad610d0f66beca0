import { randomUUID } from 'node:crypto';
import { catalogue, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { draw } from '../keys/draw.js';
import { tryAddress, type Address } from '../mail/address.js';
import type { Credential } from './credential.js';
import { judgeForList, judgeTransactional, skippedOf, type Judged } from './judge.js';
import { listOfEnvelope, type NamedList } from './list-of.js';
import type { Answer } from './read-in.js';
import { CANNOT, receive, type Incoming } from './receive.js';
import { noteRefusedMail } from './take-mail.js';

/** One mail transaction: from MAIL FROM to the answer to its last dot. */
export interface Transaction {
  readonly credential: Credential;
  readonly organisation: OrganisationFacts | null;
  readonly sender: string;
  readonly list: NamedList;
  readonly refused: Judged[];
  /** By normal address: who was let in by a judgement, so that nobody is judged twice in a moment. */
  readonly letIn: Map<string, Judged>;
}

/** Begins a transaction; or says why not. `sender`: of the envelope, empty for none. */
export async function beginTransaction(
  ctx: Context,
  credential: Credential,
  sender: string,
): Promise<Transaction | Answer> {
  const known = await catalogue(ctx);
  const organisation = known.organisations.find(({ id }) => id === credential.organisationId) ?? null;
  const list = credential.isTransactional ? null : listOfEnvelope(known, credential, sender);
  if (typeof list === 'string') return { code: 550, text: `5.7.1 ${list}` };
  return { credential, organisation, sender, list, refused: [], letIn: new Map() };
}

/** Why a recipient is not taken; null: it is. Only where the list is known yet and the credential wants to hear it at once. */
export async function refuseRecipient(ctx: Context, transaction: Transaction, to: string): Promise<Answer | null> {
  const { credential, organisation, list } = transaction;
  const address = tryAddress(to);
  if (!address) return { code: 553, text: '5.1.3 this is not an address to which mail can go' };
  if (credential.policy === 'skip') return null;
  const judged = await judge(ctx, { organisation, list }, address);
  if (!judged?.why) {
    if (judged) transaction.letIn.set(address.normal, judged);
    return null;
  }
  transaction.refused.push(judged);
  const what = list && typeof list !== 'string' ? `list ${list.slug}: ` : '';
  return { code: 550, text: `5.7.1 ${what}the recipient ${CANNOT}` };
}

/** Takes the mail of a transaction; `recipients` as the envelope has them, each once. */
export async function endTransaction(
  ctx: Context,
  { credential, sender, list, refused, letIn }: Transaction,
  of: Pick<Incoming, 'protocol' | 'stream' | 'record'> & { readonly recipients: readonly string[] },
): Promise<Answer> {
  const recipients = new Map<string, Address>();
  for (const to of of.recipients) {
    const address = tryAddress(to);
    if (address) recipients.set(address.normal, address);
  }
  return receive(ctx, {
    ...{ credential, sender, list, refused, letIn, protocol: of.protocol, stream: of.stream, record: of.record },
    recipients: [...recipients.values()],
  });
}

/** Writes down that a transaction ended with nobody left to send to, so that staff see why. */
export async function dropTransaction(ctx: Context, { credential, list, refused }: Transaction): Promise<void> {
  if (refused.length === 0) return;
  await noteRefusedMail(ctx, {
    ...{ id: randomUUID(), organisationId: credential.organisationId, credentialId: credential.id },
    ...{ listId: list !== null && typeof list !== 'string' ? list.id : null, bytes: 0, recipients: 0, subject: '' },
    ...{ key: draw(32), raw: null, refusal: `every recipient ${CANNOT}`, receivedAt: ctx.now() },
    skipped: skippedOf(refused),
  });
}

async function judge(
  ctx: Context,
  { organisation, list }: Pick<Transaction, 'organisation' | 'list'>,
  address: Address,
): Promise<Judged | undefined> {
  if (list !== null && typeof list !== 'string') return (await judgeForList(ctx, list, [address]))[0];
  return organisation ? (await judgeTransactional(ctx, organisation, [address]))[0] : undefined;
}

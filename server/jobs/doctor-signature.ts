import { catalogue, linkAddress, type OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { signersOf, signMail } from '../delivery/signing.js';
import { dkimRecord } from '../mail/dkim-record.js';
import { NotCounted, readSignature } from '../mail/dkim-signature.js';
import { OVERSIGNED } from '../mail/dkim-plan.js';
import { messageIdField } from '../mail/headers.js';
import { campaignFields, unsubscribeFields } from '../mail/list-headers.js';
import { compileSkeleton, fillSkeleton, formatMail, type FilledMail } from '../mail/skeleton.js';
import type { Finding } from './doctor-attestors.js';

/** Signs a sample with the headers of a campaign, and has another program verify it: each key, and every header that must not be added or doubled (M-31, M-40). */
export async function signatureFindings(ctx: Context): Promise<Finding[]> {
  const { organisations } = await catalogue(ctx);
  return Promise.all(organisations.map(async (organisation) => judge(ctx, organisation)));
}

async function judge(ctx: Context, organisation: OrganisationFacts): Promise<Finding> {
  const name = `signature: ${organisation.slug}`;
  const mail = sample(ctx, organisation);
  const signatures = await signMail(ctx, organisation, mail);
  const records = (await signersOf(ctx, organisation)).map(dkimRecord);
  const { dkimVerify } = await import('mailauth/lib/dkim/verify.js');
  const { results } = await dkimVerify(formatMail(mail, signatures), {
    resolver: async (asked) => Promise.resolve(records.filter((one) => one.name === asked).map(({ text }) => [text])),
    curTime: ctx.now(),
  });
  const kinds = signatures.map((text) => /a=([a-z0-9-]+)/.exec(text)?.[1] ?? '').join(' and ');
  const isGood =
    results.length === signatures.length && results.every(({ status }) => status.result === 'pass' && status.aligned);
  if (!isGood) return { name, ok: false, words: `a sample was signed (${kinds}), and does not verify` };
  const open = OVERSIGNED.filter((header) => !signatures.every((signature) => isOversigned(ctx, signature, header)));
  return open.length > 0
    ? { name, ok: false, words: `the signatures leave ${open.join(', ')} open to change` }
    : { name, ok: true, words: `${kinds} verify on a sample, and no header that counts can be added or changed` };
}

/** Once more than the sample has it. */
function isOversigned(ctx: Context, signature: string, header: string): boolean {
  const read = readSignature(signature.slice(signature.indexOf(':') + 1), ctx.now());
  return !(read instanceof NotCounted) && read.names.filter((one) => one === header).length === 2;
}

function sample(ctx: Context, organisation: OrganisationFacts): FilledMail {
  const url = linkAddress(ctx, organisation);
  const headers = campaignFields({
    from: { name: organisation.name, address: organisation.fromAddress },
    ...{ subject: 'Sample', listName: 'Sample', listId: 'sample.example.org', helpUrl: url },
    feedbackId: ['sample', 'sample', 'campaign', 'zgoda'],
  });
  const skeleton = compileSkeleton({
    headers,
    text: 'Sample',
    html: '<p>Sample</p>',
    boundary: 'zgoda-sample-boundary',
  });
  return fillSkeleton(skeleton, {
    ...{ to: { address: 'sample@example.org' }, messageId: messageIdField('sample', 'example.org') },
    ...{ date: ctx.now(), holes: {}, headers: unsubscribeFields(`${url}/u/sample`) },
  });
}

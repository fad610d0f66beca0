import type { Command } from 'commander';
import type { OrganisationFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { DkimKeyFacts } from '../delivery/dkim-keys.js';
import { Refusal } from '../errors.js';
import type { CommandEnds } from './ledger.js';
import { resolverAddress, resolverOption } from './resolver.js';

interface Asked {
  readonly organisation?: string;
  readonly domain?: string;
  readonly resolver?: string;
  readonly json?: boolean;
}

/** What commands about DKIM keys and domains say: lines, or the same as JSON. */
interface Said {
  readonly json: object;
  readonly lines: readonly string[];
}

type Work = (ctx: Context, organisation: OrganisationFacts) => Promise<Said>;

/** Adds `zgoda dkim` and `zgoda domain`. */
export function addDomainCommands(program: Command, { withContext, say, exit }: CommandEnds): void {
  const run = async (asked: Asked, work: Work): Promise<void> =>
    withContext(async (ctx) => {
      const { json, lines } = await work(ctx, await pick(ctx, asked.organisation));
      say(asked.json ? JSON.stringify(json) : lines.join('\n'));
    });
  addDkim(program, run, exit);
  addDomain(program, run, exit);
}

type Run = (asked: Asked, work: Work) => Promise<void>;

function addDkim(program: Command, run: Run, exit: (code: number) => void): void {
  const dkim = program.command('dkim').description('the keys that sign mail');
  withOptions(dkim.command('show'))
    .description('list the keys of a domain, and the records that publish them')
    .action(async (asked: Asked) =>
      run(asked, async (ctx, organisation) => {
        const { dkimKeysOf } = await import('../delivery/dkim-keys.js');
        const owner = await ownerOf(ctx, organisation, asked);
        return withDestroyed(await tell(await dkimKeysOf(ctx, owner), ''), ctx, owner);
      }),
    );
  withOptions(dkim.command('rotate'))
    .description('make the keys that come next; they sign once the DNS shows them')
    .action(async (asked: Asked) =>
      run(asked, async (ctx, organisation) => {
        const { rotateDkim } = await import('../delivery/rotate-dkim.js');
        return tell(
          await rotateDkim(ctx, await ownerOf(ctx, organisation, asked)),
          'Publish these beside the former ones. A worker takes them into use within an hour after that, or "zgoda dkim use" at once.',
        );
      }),
    );
  withOptions(dkim.command('use'))
    .addOption(resolverOption())
    .option('--unseen', 'without a look into the DNS: you know that they stand there')
    .description('sign with the keys that wait, as far as the DNS shows them; 1 while one is still waited for')
    .action(async (asked: Asked & { unseen?: boolean }) =>
      run(asked, async (ctx, organisation) => {
        const { used, waiting } = await useWaiting(ctx, organisation, asked);
        exit(waiting.length > 0 ? 1 : 0);
        const what =
          used.length > 0
            ? `${used.map(nameOf).join(' and ')} sign from now on, in every process within a minute.`
            : 'No new key signs.';
        const left = waiting.length > 0 ? [`The DNS does not show ${waiting.map(nameOf).join(' and ')} yet.`] : [];
        return { json: { used: used.map(nameOf), waiting: waiting.map(nameOf) }, lines: [what, ...left] };
      }),
    );
}

function addDomain(program: Command, run: Run, exit: (code: number) => void): void {
  const domain = program.command('domain').description('the domains that an organisation may use in From');
  withOrganisation(domain.command('add').argument('<domain>'))
    .description('add one; mail may leave from it once the DNS shows our key there')
    .action(async (name: string, asked: Asked) =>
      run(asked, async (ctx, organisation) => {
        const { addDomain: add } = await import('../delivery/change-domains.js');
        return tell(await add(ctx, organisation, name), 'Publish these, then run "zgoda domain check".');
      }),
    );
  withOrganisation(domain.command('check'))
    .addOption(resolverOption())
    .description('look for our keys in the DNS of the domains that wait, and list all; 1 while one is still waited for')
    .action(async (asked: Asked) =>
      run(asked, async (ctx, organisation) => {
        const domains = await checkAll(ctx, organisation, asked.resolver);
        exit(domains.every(({ isVerified }) => isVerified) ? 0 : 1);
        const lines = domains.map((one) => `${one.isVerified ? 'may send' : 'waits   '}  ${one.domain}`);
        return { json: { domains }, lines };
      }),
    );
  withOrganisation(domain.command('remove').argument('<domain>'))
    .description('take one away; mail from it is refused from now on')
    .action(async (name: string, asked: Asked) =>
      run(asked, async (ctx, organisation) => {
        const { removeDomain } = await import('../delivery/change-domains.js');
        await removeDomain(ctx, organisation, name);
        return { json: { removed: name }, lines: [`${name} may not stand in From any more.`] };
      }),
    );
}

function withOrganisation(command: Command): Command {
  return command.option('--organisation <slug>', 'whose (default: the only one)').option('--json', 'as JSON');
}

function withOptions(command: Command): Command {
  return withOrganisation(command).option('--domain <domain>', 'which of its domains (default: that of its address)');
}

async function pick(ctx: Context, slug: string | undefined): Promise<OrganisationFacts> {
  const { catalogue } = await import('../consent/catalogue.js');
  const { organisations } = await catalogue(ctx);
  const [only, ...others] = organisations.filter((one) => slug === undefined || one.slug === slug);
  if (only && others.length === 0) return only;
  const known = organisations.map((one) => one.slug).join(', ') || 'none';
  throw new Refusal('not-found', `Say whose with --organisation. There are: ${known}.`);
}

/** Throws `not-found` for a domain that is none of its own. */
async function ownerOf(
  ctx: Context,
  organisation: OrganisationFacts,
  { domain }: Asked,
): Promise<{ organisationId: string; domain: string }> {
  const { allDomains } = await import('../delivery/sending-domains.js');
  const domains = (await allDomains(ctx, organisation)).map((one) => one.domain);
  const found = domains.find((one) => domain === undefined || one === domain.toLowerCase());
  if (found === undefined)
    throw new Refusal('not-found', `${organisation.slug} has these domains: ${domains.join(', ')}.`);
  return { organisationId: organisation.id, domain: found };
}

async function useWaiting(
  ctx: Context,
  organisation: OrganisationFacts,
  asked: Asked & { unseen?: boolean },
): Promise<{ used: readonly DkimKeyFacts[]; waiting: readonly DkimKeyFacts[] }> {
  const owner = await ownerOf(ctx, organisation, asked);
  if (asked.unseen) {
    const [{ dkimKeysOf }, { useKey }] = await Promise.all([
      import('../delivery/dkim-keys.js'),
      import('../delivery/rotate-dkim.js'),
    ]);
    const used = (await dkimKeysOf(ctx, owner)).filter(({ state }) => state === 'waiting');
    for (const key of used) await useKey(ctx, key, owner);
    return { used, waiting: [] };
  }
  const { keysUsed, keysWaiting } = await look(ctx, organisation, { ...asked, domain: owner.domain });
  return { used: keysUsed, waiting: keysWaiting };
}

async function checkAll(ctx: Context, organisation: OrganisationFacts, resolver: string | undefined) {
  const { checkDomains } = await import('../delivery/check-domains.js');
  return checkDomains(ctx, organisation, await lookupBy(ctx, resolver));
}

async function look(ctx: Context, organisation: OrganisationFacts, { domain = '', resolver }: Asked) {
  const { lookForKeys } = await import('../delivery/look-for-keys.js');
  return lookForKeys(ctx, organisation, { domain, lookup: await lookupBy(ctx, resolver) });
}

async function lookupBy(ctx: Context, resolver: string | undefined) {
  const { makeLookup } = await import('../delivery/dns.js');
  return makeLookup((await resolverAddress(resolver)) ?? ctx.config.dnsServer);
}

async function tell(keys: readonly DkimKeyFacts[], last: string): Promise<Said> {
  const [{ dkimRecord }, { quoteText }, { OVERLAP_DAYS }] = await Promise.all([
    import('../mail/dkim-record.js'),
    import('../mail/dns-verdicts.js'),
    import('../delivery/rotate-dkim.js'),
  ]);
  const told = keys.map((key) => {
    const goesAt = key.retiredAt && new Date(key.retiredAt.getTime() + OVERLAP_DAYS * 86_400_000);
    return {
      ...dkimRecord(key),
      selector: key.selector,
      algorithm: key.algorithm,
      state: key.state,
      keepUntil: goesAt,
    };
  });
  const lines = told.map(({ name, text, state, keepUntil }) => {
    const until = keepUntil ? ` (leave it until ${keepUntil.toISOString().slice(0, 10)})` : '';
    return `${state}${until}\n  ${name}  TXT  ${quoteText(text)}`;
  });
  return { json: { keys: told }, lines: [...lines, ...(last ? ['', last] : [])] };
}

async function withDestroyed(
  { json, lines }: Said,
  ctx: Context,
  owner: { organisationId: string; domain: string },
): Promise<Said> {
  const { destroyedKeys } = await import('../delivery/destroy-dkim-keys.js');
  const destroyed = await destroyedKeys(ctx, owner);
  const more = destroyed.map(
    ({ selector, destroyedAt }) =>
      `destroyed ${destroyedAt.toISOString().slice(0, 10)}\n  ${selector}._domainkey.${owner.domain}  (may go from the DNS)`,
  );
  return { json: { ...json, destroyed }, lines: [...lines, ...more] };
}

function nameOf({ selector }: DkimKeyFacts): string {
  return selector;
}

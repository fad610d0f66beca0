import { textOf, type Catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Credential } from '../gateway/credential.js';
import { clientSettings, type ClientAccess } from './client-settings.js';
import type { CredentialRow, CredentialScreen, NewCredentialScreen } from './gateway-views.js';
import type { Visit } from './screens-visit.js';

/** A credential in a table. */
export function credentialRow({ lists, organisations }: Catalogue, one: Credential, language: string): CredentialRow {
  const { userName, organisationId, listIds, revokedAt, lastUsedAt } = one;
  return {
    ...{ href: `/admin/gateway/credentials/${userName}`, user: userName, policy: one.policy, cap: one.dailyCap },
    name: one.name === '' ? userName : one.name,
    organisation: organisations.find(({ id }) => id === organisationId)?.name ?? '',
    lists: listIds.flatMap((id) => lists.filter((list) => list.id === id).map((list) => textOf(list, language).name)),
    isTransactional: one.isTransactional,
    state: revokedAt ? 'revoked' : lastUsedAt ? 'used' : 'unused',
    ...{ lastUsedAt, revokedAt },
  };
}

const NOTHING_WRONG: NewCredentialScreen['wrong'] = { name: '', lists: '', cap: '', default: '' };

/** The form for a new one, as it was filled in. */
export function newCredentialScreen(
  { lists, organisations }: Catalogue,
  { screen, staff }: Visit,
  fields: Readonly<Record<string, string>>,
  errors: NewCredentialScreen['errors'],
): NewCredentialScreen {
  const ours = lists.filter(({ organisation }) => organisation.isOurs);
  return {
    ...screen,
    lists: ours.map((list) => ({
      ...{ slug: list.slug, name: textOf(list, screen.language).name },
      isTicked: fields[`list-${list.slug}`] !== undefined || ours.length === 1,
      isDefault: fields['default'] === list.slug,
    })),
    hasSeveral: ours.length > 1,
    organisations:
      organisations.length > 1
        ? organisations.map(({ slug, name }) => ({ slug, name, isChosen: slug === fields['organisation'] }))
        : [],
    mayTransactional: staff.role === 'owner',
    isTransactional: staff.role === 'owner' && fields['kind'] === 'transactional',
    isSkip: fields['policy'] === 'skip',
    ...{ name: (fields['name'] ?? '').slice(0, 200), cap: (fields['cap'] ?? '').slice(0, 20) },
    errors,
    wrong: { ...NOTHING_WRONG, ...Object.fromEntries(errors.map(({ field, what }) => [field, what])) },
  };
}

/** One credential with ready settings; `password` only right after it was made. */
export function credentialScreen(
  ctx: Pick<Context, 'config' | 'publicUrl'>,
  known: Catalogue,
  { req, screen, staff }: Visit,
  { one, made, revoked, password }: Pick<CredentialScreen, 'made' | 'revoked' | 'password'> & { one: Credential },
): CredentialScreen {
  const credential = credentialRow(known, one, screen.language);
  const organisation = known.organisations.find(({ id }) => id === one.organisationId);
  const [first] = known.lists.filter(({ id }) => one.listIds.includes(id));
  const byDefault = known.lists.find(({ id }) => id === one.defaultListId);
  const place = gatewayPlace(ctx);
  const mayRevoke = screen.staff?.isMarketer === true && (staff.role === 'owner' || !one.isTransactional);
  return {
    ...screen,
    // Asked for in another language, the page would come without the password.
    languages: password === null ? screen.languages : [],
    credential,
    defaultList: byDefault ? textOf(byDefault, screen.language).name : null,
    ...{ made, revoked, password, ...place },
    settings: one.revokedAt
      ? []
      : clientSettings({
          ...{ ...place, user: one.userName, password: password ?? '********', from: organisation?.fromAddress ?? '' },
          list: byDefault ? null : (first?.slug ?? null),
        }),
    revokeHref: mayRevoke && one.revokedAt === null ? `${credential.href}/revoke` : null,
    wasRevoked: one.revokedAt !== null && req.query['revoked'] !== undefined,
  };
}

// A password never goes over a network in the clear: without a certificate clients log in from this machine only.
function gatewayPlace({
  config,
  publicUrl,
}: Pick<Context, 'config' | 'publicUrl'>): Pick<ClientAccess, 'host' | 'port' | 'security'> {
  const { gatewayPort: port, gatewayTls } = config;
  return gatewayTls
    ? { host: new URL(publicUrl).hostname, port, security: 'starttls' }
    : { host: 'localhost', port, security: 'none' };
}

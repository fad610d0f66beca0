import type { Catalogue } from '../consent/catalogue.js';
import type { NewCredential } from '../gateway/add-credential.js';
import type { NewCredentialScreen } from './gateway-views.js';

type Mistake = NewCredentialScreen['errors'][number];

const MAX_NAME = 100;
const MOST_A_DAY = 10_000_000;

/** What the form for a new credential asks for. A box of a list is called `list-` and its slug. */
export function readWanted(
  { lists }: Catalogue,
  fields: Readonly<Record<string, string>>,
): { wanted: Omit<NewCredential, 'by'>; errors: Mistake[] } {
  const isTransactional = fields['kind'] === 'transactional';
  const ticked = isTransactional ? [] : lists.filter(({ slug }) => fields[`list-${slug}`] !== undefined);
  const slugs = ticked.map(({ slug }) => slug);
  const [name, cap] = [(fields['name'] ?? '').trim(), (fields['cap'] ?? '').trim()];
  const chosen = isTransactional ? '' : (fields['default'] ?? '');
  const errors: Mistake[] = [];
  if (name === '') errors.push({ field: 'name', what: 'name' });
  else if (name.length > MAX_NAME || /[\p{C}\p{Zl}\p{Zp}]/u.test(name))
    errors.push({ field: 'name', what: 'name-long' });
  if (!isTransactional && slugs.length === 0) errors.push({ field: 'lists', what: 'lists' });
  if (new Set(ticked.map(({ organisation }) => organisation.id)).size > 1)
    errors.push({ field: 'lists', what: 'organisations' });
  if (chosen !== '' && !slugs.includes(chosen)) errors.push({ field: 'default', what: 'default' });
  if (cap !== '' && !(/^\d{1,8}$/.test(cap) && Number(cap) >= 1 && Number(cap) <= MOST_A_DAY))
    errors.push({ field: 'cap', what: 'cap' });
  const wanted = {
    ...({ lists: slugs, name, isTransactional, policy: fields['policy'] === 'skip' ? 'skip' : 'refuse' } as const),
    ...(chosen === '' ? {} : { defaultList: chosen }),
    ...(cap === '' ? {} : { dailyCap: Number(cap) }),
    ...(isTransactional && fields['organisation'] ? { organisation: fields['organisation'] } : {}),
  };
  return { wanted, errors };
}

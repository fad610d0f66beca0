import { textOf } from '../consent/catalogue.js';
import type { ListPart } from './people-views.js';
import type { ListOfPerson } from './person.js';
import { storyPart } from './story-view.js';
import type { StaffScreen } from './views.js';

interface Viewing {
  /** Address of the person's page. */
  readonly here: string;
  readonly screen: StaffScreen;
  readonly staff: ReadonlyMap<string, string>;
  /** Receipts name the address: only for whoever sees it. */
  readonly canRead: boolean;
}

/** One list of a person: state, basis, whether it may be mailed, receipts and story. */
export function listPart(of: ListOfPerson, viewing: Viewing): ListPart {
  const { list, found, unmailable, mails, chapters } = of;
  const { consent } = found;
  const receipts = receiptsOf(of.receipts, viewing);
  const { name } = textOf(list, viewing.screen.language);
  return {
    name,
    state: consent.state,
    since: consent.stateAt,
    basis: BASES.has(consent.basis ?? '') ? (consent.basis ?? '') : consent.basis === null ? 'none' : 'else',
    confirmedAt: consent.confirmedAt,
    unmailable,
    pausedUntil: unmailable === 'paused' ? consent.pausedUntil : null,
    frequency: consent.frequency,
    mails,
    receipts: viewing.canRead ? receipts : [],
    receiptsMasked: !viewing.canRead && receipts.length > 0,
    ...storyPart(chapters, { staff: viewing.staff, label: name }),
  };
}

const BASES = new Set(['confirmed', 'asserted', 'soft-opt-in']);

function receiptsOf(entries: ListOfPerson['receipts'], { here, screen }: Viewing): ListPart['receipts'] {
  return entries.map(({ signUpId, number, confirmedAt, withdrawnAt }) => ({
    number,
    claim: withdrawnAt ? 'withdrawal' : 'consent',
    at: withdrawnAt ?? confirmedAt,
    readHref: `${here}/r/${signUpId}`,
    downloadHref: screen.staff?.isMarketer ? `${here}/receipts/${signUpId}` : null,
  }));
}

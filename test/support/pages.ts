import type { ErrorKind, ListChoices, OrganisationPage, PageBase, Pages, View } from '../../server/web/pages.js';
import { errorPage } from '../../server/web/pages.js';
import { growthPlot } from '../../server/ledger/log-view.js';
import { languageLinks } from '../../server/web/i18n.js';

/** A page with everything it needs. `name` tells variants of one view apart. */
export type PageFixture = { [V in View]: { readonly name: string; readonly view: V; readonly data: Pages[V] } }[View];

const NAMES = {
  en: {
    list: 'News from the workshop',
    second: 'Open days',
    frequency: 'about once a week',
    about: 'New tools, repair courses and opening hours of the workshop.',
    wording:
      'I want marketing e-mail from Mill Lane Workshop about courses and tools, about once a week. I can withdraw at any time, for example with the link in every mail.',
    organisation: 'Mill Lane Workshop',
  },
  pl: {
    list: 'Nowości z warsztatu',
    second: 'Dni otwarte',
    frequency: 'mniej więcej raz w tygodniu',
    about: 'Nowe narzędzia, kursy napraw i godziny otwarcia warsztatu.',
    wording:
      'Chcę otrzymywać informacje marketingowe pocztą elektroniczną. Nadawca: Warsztat Młyńska. Temat: kursy i narzędzia. Częstotliwość: mniej więcej raz w tygodniu. Zgodę mogę wycofać w każdej chwili, na przykład linkiem w każdej wiadomości.',
    organisation: 'Warsztat Młyńska',
  },
} as const;

export const NOW = new Date('2026-12-03T13:05:00Z');
const LATER = new Date('2026-12-10T13:05:00Z');
const TOKEN = 'AWMDAAAAAGk2c1_9gQvV3m1xq8zJk0bM2nY7hR5tPwLsEoUaCdIfGr4';
const VKEY = 'consent.example.org/log+5f2a77c1+AXk0Jq3y8d1uM3w0m2cV9o4Q5oJ5o3vZb1rT7nW2hX8=';
const MASKED = { seen: 'a…@gmail.com', spokenStart: 'a', spokenDomain: 'gmail.com' };
const MASKED_COMPANY = { seen: 'a…@s….pl', spokenStart: 'a', spokenDomain: 's….pl' };

/** Every page and its variants, in one language. */
export function pageFixtures(language: 'en' | 'pl'): PageFixture[] {
  const words = NAMES[language];
  const base = {
    language,
    zone: 'Europe/Warsaw',
    languages: languageLinks(['en', 'pl'], language, (code) => `?lang=${code}`),
    organisation: {
      name: words.organisation,
      noticeHref: '/privacy/workshop',
      contact: 'privacy@workshop.example',
    },
  } satisfies OrganisationPage;
  const list = { name: words.list, frequency: words.frequency };
  const form = {
    action: '/lists/news',
    ticket: TOKEN,
    wording: { id: 'news-3', text: words.wording },
    address: '',
    ticked: false,
    topics: [{ field: 'topic-books', name: words.second, isTicked: false }],
    attributes: [{ name: 'first_name', label: words.list, value: '' }],
    tracking: { id: 'measuring-1', text: words.wording, isTicked: false },
    errors: null,
  };
  const listFacts = { ...list, about: words.about, duration: null, sharedWith: null };
  const mistaken = { ...form, address: 'ada@', errors: { address: true, consent: true, ticket: false } };
  const choices = choicesOf(list);
  const receipt = { readHref: `/receipts/${TOKEN}`, downloadHref: `/receipts/${TOKEN}?file`, bytes: 6412 };
  const undo = { action: `/u/${TOKEN}`, value: TOKEN, until: LATER };
  const confirm = {
    ...base,
    list,
    isTracking: false,
    masked: MASKED,
    requestedAt: NOW,
    origin: { kind: 'form', host: 'www.workshop.example' },
    wordings: [words.wording],
    choices: [],
    action: `/c/${TOKEN}`,
    nonce: TOKEN,
    notMeHref: `/n/${TOKEN}`,
  } as const;
  const confirmed = {
    ...base,
    list,
    isTracking: false,
    masked: MASKED,
    confirmedAt: NOW,
    receiptNumber: '1042',
    receipt,
    settingsHref: '/preferences',
  };
  const preferences = {
    ...base,
    masked: MASKED_COMPANY,
    list,
    choices,
    action: `/p/${TOKEN}`,
    stopAllAction: `/p/${TOKEN}/all`,
    magicAction: `/p/${TOKEN}/magic`,
  };
  const saved = { ...base, list, topics: '', trackingStopped: false, undo, settingsHref: `/p/${TOKEN}` };
  const all = {
    ...base,
    address: 'ada.lovelace.with.a.long.name@analytical-engine.example',
    nonce: TOKEN,
    saved: null,
    about: {
      action: '/settings/about',
      fields: [{ name: 'first_name', label: words.second, value: 'Ada' }],
    },
    joined: [{ ...choices, ref: 'news', action: '/preferences/news' }],
    open: [
      {
        ref: 'days',
        list: { name: words.second, frequency: words.frequency },
        wording: { id: 'days-1', text: words.wording },
        action: '/preferences/days',
        wrong: false,
      },
    ],
    receipts: [
      { ...receipt, number: '1042', list, confirmedAt: NOW, byReply: false, withdrawnAt: null },
      { ...receipt, number: '1043', list, confirmedAt: LATER, byReply: true, withdrawnAt: LATER },
    ],
    stopAllAction: '/preferences/all',
    signOutAction: '/preferences/close',
    dataHref: '/preferences/data',
    addressHref: '/preferences/address',
    eraseHref: '/preferences/erase',
    until: LATER,
  };
  const ask = { ...base, action: '/preferences', ticket: TOKEN, address: '', wrong: false };
  const sent = {
    ...base,
    address: 'ada@example.org',
    fromAddress: 'hello@workshop.example',
    minutes: 30,
    correctHref: '/preferences',
    mailboxHref: null,
  };
  const left = { ...base, list, left: { masked: MASKED, since: NOW }, undo, stopAllAction: `/u/${TOKEN}/all` };
  const log = {
    ...base,
    origin: 'consent.example.org/log',
    size: 123456,
    growth: growthPlot(
      Array.from({ length: 30 }, (_, day) => ({
        day: new Date(Date.UTC(2026, 10, 4 + day)),
        size: 101_000 + Math.round(day ** 1.5 * 143.7),
      })),
    ),
    checkpointAt: NOW,
    checkpoint: `consent.example.org/log\n123456\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— consent.example.org/log Xyp3wQ9sYxkV1D0mZk2m7bq8oNc4h3mJ0n1y5Wl6tR2c8v9sA3d4f5g6h7j8k9l0qwertyuiop\n`,
    vkey: VKEY,
    formerVkeys: [VKEY.replace('5f2a77c1', 'c1a1f2b7')],
    address: 'https://consent.example.org/log',
    checkpointHref: '/log/checkpoint',
    vkeyHref: '/log/vkey',
    vkeysHref: '/log/vkeys',
    witnesses: [{ name: 'witness.example.net', size: 123400, at: NOW }],
    anchors: [{ authority: 'tsa.example.com', at: NOW }],
  };

  return [
    { name: 'list', view: 'list', data: { ...base, list: listFacts, form } },
    { name: 'list-mistaken', view: 'list', data: { ...base, list: listFacts, form: mistaken } },
    { name: 'list-closed', view: 'list', data: { ...base, list: listFacts, form: null } },
    {
      name: 'check-mail',
      view: 'check-mail',
      data: {
        ...base,
        list,
        address: '"<b>ada</b>"@example.org',
        beside: { name: words.second },
        fromAddress: 'hello@workshop.example',
        expiresAt: LATER,
        correctHref: '/lists/news',
        mailboxHref: '/mailbox',
      },
    },
    { name: 'confirm', view: 'confirm', data: confirm },
    {
      name: 'confirm-several',
      view: 'confirm',
      data: {
        ...confirm,
        list: { ...list, name: `${words.list}, ${words.second}` },
        origin: { kind: 'phone' },
        wordings: [words.wording, words.wording],
        choices: [
          { ref: 'news', name: words.list },
          { ref: 'days', name: words.second },
        ],
      },
    },
    {
      name: 'not-me',
      view: 'not-me',
      data: { ...base, list, masked: MASKED, days: 30, action: `/n/${TOKEN}` },
    },
    { name: 'not-me-done', view: 'not-me-done', data: { ...base, list, masked: MASKED, days: 30 } },
    { name: 'confirmed', view: 'confirmed', data: confirmed },
    { name: 'confirm-tracking', view: 'confirm', data: { ...confirm, isTracking: true } },
    { name: 'confirmed-tracking', view: 'confirmed', data: { ...confirmed, isTracking: true } },
    { name: 'confirmed-again', view: 'confirmed', data: { ...confirmed, receipt: null } },
    { name: 'confirmed-preparing', view: 'confirmed', data: { ...confirmed, receipt: null, receiptNumber: null } },
    { name: 'preferences', view: 'preferences', data: preferences },
    {
      name: 'preferences-mistaken',
      view: 'preferences',
      data: { ...preferences, choices: { ...choices, tracked: true, pause: { ...choices.pause, wrong: true } } },
    },
    { name: 'preferences-none', view: 'preferences', data: { ...preferences, choices: null } },
    { name: 'saved-weekly', view: 'preferences-saved', data: { ...saved, state: { kind: 'weekly' } } },
    {
      name: 'saved-paused',
      view: 'preferences-saved',
      data: { ...saved, state: { kind: 'paused', until: LATER }, trackingStopped: true },
    },
    { name: 'preferences-all', view: 'preferences-all', data: all },
    {
      name: 'preferences-all-saved',
      view: 'preferences-all',
      data: { ...all, saved: { list, state: { kind: 'left' } }, joined: [], receipts: [], dataHref: null },
    },
    { name: 'magic', view: 'magic', data: { ...base, action: `/m/${TOKEN}` } },
    { name: 'magic-ask', view: 'magic-ask', data: { ...ask, organisation: null } },
    { name: 'magic-ask-mistaken', view: 'magic-ask', data: { ...ask, address: 'ada', wrong: true } },
    { name: 'magic-sent', view: 'magic-sent', data: sent },
    {
      name: 'magic-sent-untyped',
      view: 'magic-sent',
      data: { ...sent, address: null, correctHref: null, mailboxHref: '/mailbox' },
    },
    {
      name: 'unsubscribe',
      view: 'unsubscribe',
      data: { ...base, list, masked: MASKED, action: `/u/${TOKEN}`, preferencesHref: `/p/${TOKEN}` },
    },
    { name: 'unsubscribed', view: 'unsubscribed', data: left },
    { name: 'unsubscribed-neutral', view: 'unsubscribed', data: { ...left, left: null, undo: null } },
    { name: 'stopped-all', view: 'stopped-all', data: { ...base, masked: MASKED, since: NOW, undo } },
    {
      name: 'erase',
      view: 'erase',
      data: {
        ...base,
        proofs: [{ list, until: LATER }],
        suppressed: true,
        address: all.address,
        action: '/settings/erase',
        nonce: TOKEN,
        backHref: '/settings',
      },
    },
    {
      name: 'erased',
      view: 'erased',
      data: { ...base, proofs: [{ list, until: LATER }], suppressed: true, since: NOW },
    },
    { name: 'erased-whole', view: 'erased', data: { ...base, proofs: [], suppressed: false, since: NOW } },
    {
      name: 'privacy',
      view: 'privacy',
      data: {
        ...base,
        controller: {
          legalName: `${words.organisation} Ltd`,
          postalAddress: 'ul. Młyńska 4, 61-729 Poznań',
          contact: 'privacy@workshop.example',
          officer: 'dpo@workshop.example',
        },
        purposes: [{ name: words.list, about: words.about, basis: 'Art. 6(1)(a)', retention: words.frequency }],
        recipients: ['Mail Carrier GmbH, Berlin'],
        storage: ['Berlin'],
        transfers: ['USA'],
        unconfirmedDays: 14,
        proofYears: 3,
        authority: { name: 'UODO, Warszawa', href: 'https://uodo.gov.pl/' },
        sections: [{ heading: words.second, paragraphs: [words.about] }],
        version: '3',
        validFrom: NOW,
      },
    },
    { name: 'receipt', view: 'receipt', data: { ...base, ...receiptData(words, log) } },
    {
      name: 'receipt-withdrawal',
      view: 'receipt',
      data: {
        ...base,
        ...receiptData(words, log),
        ...{ claim: 'withdrawal', withdrawnAt: LATER, address: null, download: null, notice: null, shown: [] },
        acts: [
          {
            kind: 'confirmed',
            at: NOW,
            facts: RECEIPT_FACTS.map((key) => ({ key, value: '7' })),
            hidesConnection: false,
          },
        ],
      },
    },
    { name: 'log', view: 'log', data: log },
    { name: 'for-programs', view: 'for-programs', data: { ...base, organisation: null } },
    {
      name: 'log-empty',
      view: 'log',
      data: {
        ...{ ...log, organisation: null, size: 0, growth: null, checkpoint: null, checkpointAt: null },
        ...{ formerVkeys: [], witnesses: [], anchors: [] },
      },
    },
    ...ERROR_KINDS.map((kind) => errorFixture(base, kind, { list, form })),
  ];
}

type ReceiptData = Omit<Pages['receipt'], keyof OrganisationPage>;

function receiptData(words: (typeof NAMES)['en' | 'pl'], log: { origin: string; size: number }): ReceiptData {
  const act = { at: NOW, facts: [], hidesConnection: false };
  return {
    ...{ number: '1042', claim: 'consent', issuedAt: LATER, list: { name: words.list }, sender: words.organisation },
    ...{ address: 'ada@example.org', confirmedAt: NOW, withdrawnAt: null, wording: words.wording, byReply: true },
    agreed: {
      ...{ about: words.about, frequency: words.frequency, duration: null },
      ...{ recipients: [words.second], storage: [words.second], transfers: [words.second] },
    },
    notice: { version: '3', paragraphs: [words.about] },
    acts: [
      {
        ...act,
        kind: 'requested',
        facts: [{ key: 'form', value: 'https://www.workshop.example/' }],
        hidesConnection: true,
      },
      { ...act, kind: 'requestedByPhone' },
      { ...act, kind: 'requestedOnPaper' },
      { ...act, kind: 'offered', facts: [{ key: 'reply', value: '250 Ok' }] },
      { ...act, kind: 'confirmed', facts: [{ key: 'ip', value: '198.51.100.7' }] },
      { ...act, kind: 'confirmedByReply' },
      { ...act, kind: 'changedAddress' },
      { ...act, kind: 'withdrawn', facts: [{ key: 'channel', value: words.second }] },
      { ...act, kind: 'renewed' },
    ],
    shown: [
      { kind: 'form', text: words.about },
      { kind: 'mail', text: words.wording },
      { kind: 'page', text: words.wording },
    ],
    download: {
      ...{ href: `/receipts/${TOKEN}`, bytes: 6412 },
      ...{ dpvHref: `/receipts/${TOKEN}?as=dpv`, kantaraHref: `/receipts/${TOKEN}?as=kantara` },
    },
    proof: {
      ...{ origin: log.origin, leafIndex: 1042, treeSize: log.size, vkey: VKEY, checkpointAt: NOW },
      rootHash: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
      ...{ anchors: [{ authority: 'tsa.example.com', at: NOW }], anchorHours: 24, witnesses: ['witness.example.net'] },
    },
  };
}

const RECEIPT_FACTS = [
  ...['saidAt', 'to', 'messageId', 'until', 'takenAt', 'takenBy', 'language', 'word', 'signedBy', 'ip'],
  ...['agent', 'languages', 'sinceMail', 'onPage', 'fetches', 'cause'],
];

export const ERROR_KINDS: readonly ErrorKind[] = [
  'link-expired',
  'link-damaged',
  'not-now',
  'too-many',
  'not-found',
  'method-not-allowed',
  'body-too-large',
  'body-invalid',
  'ticket-invalid',
  'not-allowed',
  'broken',
];

function errorFixture(
  base: PageBase,
  kind: ErrorKind,
  parts: Partial<Pages['error']> & Pick<Pages['error'], 'list' | 'form'>,
): PageFixture {
  const given = {
    'link-expired': { ...parts, workedUntil: NOW },
    'link-damaged': { organisation: null, magic: { action: '/preferences', ticket: TOKEN } },
    'not-now': { retryAt: LATER, retry: { action: `/u/${TOKEN}`, fields: [{ name: 'a', value: '"b"' }] } },
    'too-many': { retryAt: LATER },
  } satisfies Partial<Record<ErrorKind, Partial<Pages['error']>>>;
  const known: Partial<Record<ErrorKind, Partial<Pages['error']>>> = given;
  return { name: `error-${kind}`, view: 'error', data: errorPage(base, kind, known[kind] ?? {}) };
}

function choicesOf(list: ListChoices['list']): ListChoices {
  return {
    ref: 'list',
    list,
    state: { kind: 'active' },
    offer: { every: false, weekly: true, monthly: true, pause: true },
    pause: { value: '', first: '2026-12-04', last: '2027-12-03', wrong: false },
    topics: [
      { slug: 'books', name: list.name, isChosen: true },
      { slug: 'films', name: `${list.name} 2`, isChosen: false },
    ],
    topicsReduce: true,
    topicsWrong: false,
    tracked: false,
  };
}

import { attributeLabel } from '../consent/attributes.js';
import { BOUNCE_REASONS } from '../mail/bounce-words.js';
import { languageNames } from '../web/i18n.js';
import { param, sendPage, type Site } from '../web/http.js';
import { MOST_UNMASKED, type Looks } from './access-log.js';
import { attributeNames } from './correct.js';
import { maskRow } from './masked.js';
import type { PersonScreen } from './people-views.js';
import type { PersonRef } from './person-ref.js';
import type { BouncedMail, Person, SubscriberFacts } from './person.js';
import type { Visit } from './screens-visit.js';
import { staffById } from './staff.js';
import { storyPart } from './story-view.js';
import { listPart } from './list-view.js';
import { maskedFields } from './unmask.js';

/** What is to be shown of a person. */
export interface Showing {
  readonly ref: PersonRef;
  readonly person: Person;
  /** Before this time; null: nobody was found. */
  readonly looks: Looks | null;
  readonly noted: boolean;
  /** What was asked to be unmasked, as it was typed. */
  readonly asked: { readonly field: string; readonly reason: string };
  readonly wrong: NonNullable<PersonScreen['unmask']>['wrong'];
  readonly shown: PersonScreen['shown'];
  /** What was to be corrected, as it was typed, and what is wrong with it. */
  readonly correcting?: Correcting;
  readonly isCorrected?: boolean;
}

export interface Correcting {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
  readonly wrong: 'value' | 'reason' | null;
}

/** Sends the page of a person. */
export async function showPerson(site: Site, visit: Visit, showing: Showing, status = 200): Promise<void> {
  const { person, ref } = showing;
  const { subscriber, organisation } = person;
  const screen = { ...visit.screen, zone: organisation.timeZone };
  const here = `/admin/people/${param(visit.req, 'ref')}`;
  const staff = await namesOf(site, showing);
  const page: PersonScreen = {
    ...screen,
    address: ref.address,
    masked: subscriber?.isOurs ? maskRow(site.ctx, subscriber) : null,
    organisationName: organisation.name,
    kind: kindOf(person),
    person: subscriber && personPart(subscriber),
    suppressions: person.suppressions,
    bounces: person.bounces.map(bouncePart),
    lists: person.lists.map((list) => listPart(list, { here, screen, staff, canRead: ref.address !== null })),
    loose: person.loose.length > 0 ? storyPart(person.loose, { staff, label: '' }) : null,
    looks: showing.looks && looksPart(showing.looks, staff),
    noted: showing.noted,
    known: person.known.map((name) => labelOf(person, name, screen.language)),
    isCorrected: showing.isCorrected ?? false,
    correct: correctPart(screen, here, showing),
    unmask: unmaskPart(screen, here, showing),
    shown: showing.shown,
    searchHref: '/admin/people',
    enterHref: screen.staff?.isMarketer ? '/admin/people/new' : null,
  };
  sendPage(site, visit.res, 'admin/person', page, status);
}

function bouncePart({ bounce, reason, reply, at }: BouncedMail): PersonScreen['bounces'][number] {
  const known = bounce === 'complaint' ? bounce : (BOUNCE_REASONS.find((one) => one === reason) ?? 'undefined');
  return { what: bounce, reason: known, reply: bounce === 'complaint' ? null : reply, at };
}

function kindOf({ subscriber, loose }: Person): PersonScreen['kind'] {
  if (!subscriber) return loose.length > 0 ? 'waiting' : 'unknown';
  if (subscriber.erasedAt) return subscriber.proofUntil ? 'kept' : 'erased';
  return subscriber.isOurs ? 'known' : 'forged';
}

function personPart(facts: SubscriberFacts): PersonScreen['person'] {
  const { since, language, restrictedAt, erasedAt, proofUntil } = facts;
  return { since, restrictedAt, erasedAt, proofUntil, speaks: languageNames([language])[0]?.name ?? language };
}

function looksPart(
  { count, unmasked, corrected, last, forged }: Looks,
  staff: ReadonlyMap<string, string>,
): PersonScreen['looks'] {
  return { count, unmasked, corrected, forged, last: last && { at: last.at, by: staff.get(last.staffId) ?? '' } };
}

function unmaskPart(screen: Visit['screen'], here: string, showing: Showing): PersonScreen['unmask'] {
  const fields = screen.staff?.isMarketer ? maskedFields(showing.person, showing.ref.address === null) : [];
  if (fields.length === 0) return null;
  const { asked, wrong } = showing;
  return {
    action: `${here}/unmask`,
    fields: fields.map(({ key, name, event, attribute }) => ({
      label: attribute === undefined ? '' : labelOf(showing.person, attribute, screen.language),
      ...{ value: key, name, isChosen: key === asked.field },
      ...{ act: event?.kind ?? null, at: event?.at ?? null },
    })),
    ...{ reason: asked.reason.slice(0, 500), wrong, most: MOST_UNMASKED },
  };
}

function correctPart(screen: Visit['screen'], here: string, showing: Showing): PersonScreen['correct'] {
  const names = screen.staff?.isMarketer ? attributeNames(showing.person) : [];
  if (names.length === 0) return null;
  const { name: chosen, value, reason, wrong } = showing.correcting ?? { name: '', value: '', reason: '', wrong: null };
  const labels = names.map((name) => ({ value: name, label: labelOf(showing.person, name, screen.language) }));
  return {
    action: `${here}/correct`,
    fields: labels.map((one) => ({ ...one, isChosen: one.value === chosen })),
    ...{ value: value.slice(0, 1000), reason: reason.slice(0, 500) },
    ...{ isValueWrong: wrong === 'value', isReasonWrong: wrong === 'reason' },
  };
}

/** The name of an attribute in the language of the reader; of one that is asked for no more, its own. */
export function labelOf({ organisation }: Pick<Person, 'organisation'>, name: string, language: string): string {
  const rule = organisation.attributes.find((one) => one.name === name) ?? { name, labels: {} };
  return attributeLabel(organisation, rule, language);
}

/** Addresses of the staff members who appear on the page. */
async function namesOf(site: Site, { person, looks }: Showing): Promise<Map<string, string>> {
  const chapters = [...person.lists.flatMap((list) => list.chapters), ...person.loose];
  const entities = chapters.flatMap(({ events }) => events.map(({ record }) => record?.entity ?? ''));
  const ids = entities.flatMap((entity) => /^staff:([0-9a-f-]{36})$/.exec(entity)?.[1] ?? []);
  const wanted = [...new Set([...ids, ...(looks?.last ? [looks.last.staffId] : [])])];
  const found = await Promise.all(
    wanted.map(async (id) => [id, (await staffById(site.ctx, id))?.address ?? ''] as const),
  );
  return new Map(found);
}

import { inWords, type ListFacts } from '../consent/catalogue.js';
import { tickedTopics, topicField } from '../consent/topics.js';
import type { Choice, Settings } from './preferences.js';

/** A topic as a page offers it. */
export interface TopicChoice {
  readonly slug: string;
  readonly name: string;
  readonly isChosen: boolean;
}

type OfList = Pick<ListFacts, 'topics' | 'organisation'>;

/** The topics of a list to choose from, those that are wanted ticked; with `reduceOnly` the others are left out (L-08), and so is a single one. */
export function topicChoices(
  list: OfList,
  wanted: readonly string[],
  language: string,
  reduceOnly: boolean,
): TopicChoice[] {
  const all = list.topics.map(({ slug, names }) => ({
    slug,
    name: inWords(names, language, list.organisation.language),
    isChosen: wanted.length === 0 || wanted.includes(slug),
  }));
  const offered = reduceOnly ? all.filter(({ isChosen }) => isChosen) : all;
  return reduceOnly && offered.length < 2 ? [] : offered;
}

/** The wanted topics in words; '' where all are. */
export function topicsInWords(list: OfList, wanted: readonly string[], language: string): string {
  if (wanted.length === 0) return '';
  const chosen = topicChoices(list, wanted, language, false).filter(({ isChosen }) => isChosen);
  return chosen.map(({ name }) => name).join(', ');
}

/** The topics that a form ticked: all of them is no choice at all. null: it did not ask; 'none': nothing is ticked. */
export function readTopics(fields: Readonly<Record<string, string>>, { topics }: OfList): string[] | 'none' | null {
  if (fields['topics'] !== 'shown') return null;
  const isTicked = topics.some(({ slug }) => fields[topicField(slug)] === 'yes');
  return isTicked ? tickedTopics(topics, fields) : 'none';
}

/** Does a choice of topics say what holds already? */
export function isSameTopics(now: Settings, choice: Choice): boolean {
  return choice.kind === 'topics' && [...choice.topics].sort().join() === [...now.topics].sort().join();
}

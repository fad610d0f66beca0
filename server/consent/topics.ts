import type { TopicFacts } from './catalogue.js';

/** The field by which a form ticks a topic. */
export function topicField(slug: string): string {
  return `topic-${slug}`;
}

/** The topics that a form ticked; all of them is no choice at all. */
export function tickedTopics(topics: readonly TopicFacts[], fields: Readonly<Record<string, string>>): string[] {
  const ticked = topics.map(({ slug }) => slug).filter((slug) => fields[topicField(slug)] === 'yes');
  return ticked.length === topics.length ? [] : ticked;
}

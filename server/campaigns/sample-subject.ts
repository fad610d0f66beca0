import type { ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { footerLanguage, type CampaignContent } from './prepare.js';
import { sampleContent } from './sample.js';

/** A subject as the usual made-up person reads it, tags filled; that of a finished message, and one that cannot be filled any more, as it stands. */
export function sampleSubject(
  ctx: Context,
  list: ListFacts,
  { id, subject, message }: Pick<CampaignContent, 'id' | 'subject' | 'message'>,
  language: string,
): string {
  if (message) return subject;
  try {
    const bare = { id, subject, html: '', text: '', settings: {} };
    return sampleContent(ctx, list, bare, footerLanguage(list, language)).subject;
  } catch (error) {
    if (error instanceof Refusal) return subject;
    throw error;
  }
}

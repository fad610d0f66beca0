import { bytesOf } from '../campaigns/picture-bytes.js';
import { inlinedOf, MAX_INLINED } from '../campaigns/placement.js';
import type { PicturesPart } from './campaign-views.js';
import type { LoadedCampaign } from './campaign.js';

/** Where the pictures of a campaign are, and what can be chosen; null: it has none of its own. */
export function picturesPart(campaign: LoadedCampaign, href: string): PicturesPart | null {
  const { pictures = [], settings, state } = campaign;
  if (pictures.length === 0) return null;
  const now = settings.pictures ?? 'inlined';
  const isTooHeavy = bytesOf(pictures) > MAX_INLINED;
  const choices = (['inlined', 'hosted'] as const).filter((name) => name === 'hosted' || !isTooHeavy);
  return {
    ...{ now, count: pictures.length, bytes: bytesOf(pictures), isTooHeavy, action: `${href}/pictures` },
    choices: state === 'draft' ? choices.map((name) => ({ name, isChosen: name === now })) : [],
    alongCount: now === 'hosted' ? inlinedOf(campaign).length : 0,
  };
}

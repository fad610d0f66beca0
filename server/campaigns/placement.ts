import { bytesOf } from './picture-bytes.js';
import { isServable } from './picture-type.js';
import type { CampaignContent, Picture } from './prepare.js';
import { refuseTemplate } from './problem.js';

/** Where the pictures of a campaign are: in each mail, or on this server, from where mail programs fetch them. */
export type Placement = 'inlined' | 'hosted';

/** All pictures that go along with a mail, in bytes: each copy carries them. */
export const MAX_INLINED = 5_000_000;
/** Above this a mail is heavy, in bytes: where nobody says otherwise, pictures are fetched. */
const LIGHT = 500_000;

/** What becomes of pictures where nobody chose: light ones go along and arrive always. */
export function placementFor(pictures: readonly Picture[]): Placement {
  return bytesOf(pictures) > LIGHT ? 'hosted' : 'inlined';
}

/** Reads a choice from outside; null: none was made. */
export function readPlacement(given: string | undefined): Placement | null {
  return given === 'inlined' || given === 'hosted' ? given : null;
}

/** Is this picture fetched? What could run in a browser goes along in any case. Campaigns from before there was a choice carry all. */
export function isHosted({ settings }: Pick<CampaignContent, 'settings'>, { type }: Pick<Picture, 'type'>): boolean {
  return settings.pictures === 'hosted' && isServable(type);
}

/** Those that go along with each mail. */
export function inlinedOf(content: Pick<CampaignContent, 'settings' | 'pictures'>): Picture[] {
  return (content.pictures ?? []).filter((picture) => !isHosted(content, picture));
}

/** Throws `template-refused` when a mail would carry too much. */
export function refuseHeavy(content: Pick<CampaignContent, 'settings' | 'pictures'>): void {
  const bytes = bytesOf(inlinedOf(content));
  if (bytes <= MAX_INLINED) return;
  const message = `The pictures have ${Math.ceil(bytes / 1_000_000)} MB together; a mail may carry 5 MB. Host them, or make them smaller.`;
  throw refuseTemplate([{ line: null, reason: 'pictures-large', message }]);
}

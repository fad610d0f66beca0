import { Refusal } from '../errors.js';
import { readLocalTime } from './local-time.js';

/**
 * When somebody wants it to start, as typed on a command line: by the clocks of the organisation, or with an offset. `note`: what is to be said of a time that
 * comes twice. Throws `body-invalid` for what is no time, and for one that the clocks skip.
 */
export function readStart(text: string, zone: string): { at: Date; note: string | null } {
  if (/(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))) return { at: new Date(text), note: null };
  const local = readLocalTime(text, zone);
  if (!local) throw new Refusal('body-invalid', `${text} is no time such as 2026-12-01T09:00.`);
  if (local.kind === 'skipped')
    throw new Refusal('body-invalid', `The clocks of ${zone} skip ${text}. Choose another time.`);
  const note =
    local.kind === 'twice'
      ? `The clocks of ${zone} show ${text} twice: it starts at the first, ${local.at.toISOString()}.`
      : null;
  return { at: local.at, note };
}

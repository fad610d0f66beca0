import { fieldsNamed, type RawHeader } from './mime-fields.js';

/** Subjects of absence notices, in the languages in which programs write them unasked. */
const SUBJECT =
  /^\W*(?:(?:re|aw|fwd?)\W{1,3})?(?:auto(?:matic|matische?|mated|-?|\s)?\s?(?:re(?:ply|sponse|spuesta)|antwort|answer)|autoreply|auto:|out[ -]of[ -](?:the[ -])?office|(?:on )?vacation|away from|abwesenheit|abwesend|r[ée]ponse automatique|absence du bureau|respuesta autom|risposta automatica|fuori ufficio|odpowied[zź] automatyczna|autoodpowied|nieobecno|automatisch antwoord|afwezig|fr[åa]nvarande|autosvar)/i;

/** Did a program answer in somebody's stead? RFC 3834, and what was in use before it. */
export function isAutomaticAnswer(header: RawHeader): boolean {
  const value = (name: string): string => (fieldsNamed(header, name)[0]?.value ?? '').toLowerCase();
  if (/^auto-(?:replied|generated|notified)/.test(value('auto-submitted'))) return true;
  if (/^auto_?reply/.test(value('precedence')) || /^oof|^autoreply/.test(value('x-auto-response-suppress')))
    return true;
  if (header.fields.some(({ name }) => /^x-(?:auto-?(?:reply|respond)|mail-autoreply)/.test(name))) return true;
  return SUBJECT.test(fieldsNamed(header, 'subject')[0]?.value ?? '');
}

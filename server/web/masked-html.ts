import Handlebars from 'handlebars';
import type { MaskedAddress } from './pages.js';

/** An address, masked: words for the ear, dots for the eye (copy.md, rule 5). `say` gives the text of a key as HTML. */
export function maskedHtml(
  address: MaskedAddress,
  say: (key: string, params: Readonly<Record<string, string>>) => Handlebars.SafeString,
): Handlebars.SafeString {
  const start = address.spokenStart;
  const [domainStart = '', domainEnd] = address.spokenDomain.split('…');
  const spoken =
    domainEnd === undefined
      ? say('masked.whole', { start, domain: domainStart })
      : say('masked.partly', { start, domainStart, domainEnd });
  const seen = Handlebars.escapeExpression(address.seen);
  return new Handlebars.SafeString(
    `<span class="visually-hidden">${spoken.toString()}</span><span class="masked" aria-hidden="true">${seen}</span>`,
  );
}

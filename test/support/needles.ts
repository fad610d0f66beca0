/** A secret, and under which name a test complains about it. */
export interface Needle {
  readonly name: string;
  readonly value: string | Buffer;
}

/** Which of the needles are in the hay, in whatever dress: as they are in any case, percent-encoded, hex, base64, UTF-16. */
export function findNeedles(hay: readonly Buffer[], needles: readonly Needle[]): string[] {
  const raw = hay.map((one) => one.toString('latin1'));
  const folded = raw.map((text) => text.toLowerCase());
  return needles.flatMap(({ name, value }) => [
    ...dressesOf(value).flatMap(([dress, text]) =>
      raw.some((one) => one.includes(text)) ? [`${name}: ${dress}`] : [],
    ),
    ...foldedDressesOf(value).flatMap(([dress, text]) =>
      folded.some((one) => one.includes(text)) ? [`${name}: ${dress}, in any case`] : [],
    ),
  ]);
}

/** Dresses in which upper and lower case differ. */
function dressesOf(value: string | Buffer): [string, string][] {
  const forms: (string | Buffer)[] =
    typeof value === 'string' ? [value, value.toLowerCase(), value.toUpperCase()] : [value];
  return [...new Set(forms)].flatMap((form) => {
    const bytes = bytesOf(form);
    const dresses: [string, string][] = [];
    if (typeof value !== 'string') dresses.push(['raw', bytes.toString('latin1')]);
    // Where the value begins within the text that was encoded decides how it looks: three ways, the ends of each cut off.
    for (const before of [0, 1, 2]) {
      const padded = Buffer.concat([Buffer.alloc(before), bytes]);
      const [from, to] = [before === 0 ? 0 : before + 1, Math.floor((padded.length * 4) / 3)];
      dresses.push(['base64', padded.toString('base64').slice(from, to)]);
      dresses.push(['base64url', padded.toString('base64url').slice(from, to)]);
    }
    return dresses;
  });
}

function foldedDressesOf(value: string | Buffer): [string, string][] {
  const hex: [string, string] = ['hex', bytesOf(value).toString('hex')];
  if (typeof value !== 'string') return [hex];
  const lower = value.toLowerCase();
  const utf16 = Buffer.from(lower, 'utf16le');
  return [
    ...[value, lower, value.toUpperCase()].map((form): [string, string] => ['hex', Buffer.from(form).toString('hex')]),
    ['plain', Buffer.from(lower).toString('latin1')],
    ['percent-encoded', encodeURIComponent(lower).toLowerCase()],
    ['UTF-16', utf16.toString('latin1')],
    ['UTF-16 in hex', utf16.toString('hex')],
    ['UTF-16, the other way round', Buffer.from(utf16).swap16().toString('latin1')],
  ];
}

function bytesOf(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

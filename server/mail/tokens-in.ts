/** What may be a link or address of ours in a mail; whoever holds the keys tells which is. In the order in which they were found. */
export interface TokensIn {
  readonly links: readonly { readonly purpose: 'c' | 'n' | 'u' | 'p'; readonly token: string }[];
  /** Of mail addresses: of a `List-Unsubscribe`. */
  readonly addresses: readonly string[];
  /** Where bounces go: the address up to its @, and that. */
  readonly returns: readonly string[];
}

/** Beyond so many of each nothing more is looked for: no mail of ours has as many. */
const MOST = 500;
/** A forwarded mail in a forwarded mail in an archive: base64 in base64. */
const DEPTH = 4;

/**
 * Finds them however the mail was wrapped: forwarded inline or as an attachment, in quoted-printable or base64, quoted, folded, with its links guarded by
 * somebody's filter, with its headers or without. It looks at text rather than at MIME, which people break when they copy: a token proves itself by its tag.
 */
export function tokensIn(mail: Buffer): TokensIn {
  const found = {
    links: new Map<string, TokensIn['links'][number]>(),
    addresses: new Set<string>(),
    returns: new Set<string>(),
  };
  look(mail.toString('latin1'), DEPTH, found);
  return { links: [...found.links.values()], addresses: [...found.addresses], returns: [...found.returns] };
}

interface Found {
  readonly links: Map<string, TokensIn['links'][number]>;
  readonly addresses: Set<string>;
  readonly returns: Set<string>;
}

function look(text: string, depth: number, found: Found): void {
  for (const reading of readings(text)) collect(reading, found);
  if (depth === 0) return;
  for (const inner of encoded(text)) look(inner, depth - 1, found);
}

/** The same text as different programs would have written it. */
function readings(text: string): string[] {
  // Outlook keeps its texts in UTF-16.
  const narrow = text.includes('\0') ? text.replaceAll('\0', '') : text;
  const plain = narrow.includes('=3D') || /=\r?\n/.test(narrow) ? fromQuotedPrintable(narrow) : narrow;
  const open = fromPercent(fromEntities(plain));
  // Quotes and folds break lines, also within a token; without the breaks it is whole again.
  return [...new Set([narrow, plain, open, open.split('\n').map(unquoted).join('')])];
}

// Not by one expression: what looks for blanks at the end of a line tries again at each blank within it.
function unquoted(line: string): string {
  return line.replace(/^[>|\s]+/, '').trimEnd();
}

// A token has a fixed length: what a broken line glued to its end is not taken for a part of it.
const LINKS = /\/(?:([nup])\/([\w-]{52})|(c)\/([\w-]{74}))/g;
const ADDRESSES = /[ux]\+([a-z2-7]{32})(?:@|%40|=)/gi;
const RETURNS = /b\+([a-z2-7]{61})(?:@|%40|=)/gi;

function collect(text: string, found: Found): void {
  for (const [, short, shortToken, long, longToken] of text.matchAll(LINKS)) {
    const link = { purpose: (short ?? long) as 'c' | 'n' | 'u' | 'p', token: shortToken ?? longToken ?? '' };
    if (found.links.size >= MOST) break;
    found.links.set(`${link.purpose}/${link.token}`, link);
  }
  for (const [, token = ''] of text.matchAll(ADDRESSES)) {
    if (found.addresses.size >= MOST) break;
    found.addresses.add(token.toLowerCase());
  }
  for (const [, token = ''] of text.matchAll(RETURNS)) {
    if (found.returns.size >= MOST) break;
    found.returns.add(`b+${token.toLowerCase()}@`);
  }
}

/** What stands in base64 in it: whole lines of nothing else, two or more, or one long one. */
function encoded(text: string): string[] {
  const blocks: string[] = [];
  let block: string[] = [];
  const end = (): void => {
    const joined = block.join('');
    if (joined.length >= 60) blocks.push(Buffer.from(joined, 'base64').toString('latin1'));
    block = [];
  };
  for (const line of text.split('\n')) {
    const bare = unquoted(line);
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(bare)) block.push(bare);
    else end();
    if (bare.endsWith('=')) end();
  }
  end();
  return blocks;
}

function fromQuotedPrintable(text: string): string {
  return text
    .replace(/=[ \t]*\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function fromEntities(text: string): string {
  return text
    .replace(/&#(\d{1,5});/g, (_entity, code: string) => String.fromCharCode(Number(code)))
    .replace(/&#x([0-9a-f]{1,4});/gi, (_entity, code: string) => String.fromCharCode(parseInt(code, 16)))
    .replace(/&(?:sol|amp);/g, (entity) => (entity === '&sol;' ? '/' : '&'));
}

// Twice: a link may lie in the query of a link that lies in the query of a link.
function fromPercent(text: string): string {
  const once = (from: string): string =>
    from.replace(/%([0-9A-F]{2})/gi, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return once(once(text));
}

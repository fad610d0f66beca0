const MAGIC: readonly (readonly [type: string, start: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n\x1a\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
  ['image/svg+xml', /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!doctype svg|svg)\b/i],
];

/** What a picture is, by its first bytes and not by its name; null: no picture of a kind that mails show. */
export function pictureType(body: Buffer): string | null {
  const start = body.toString('latin1', 0, 100);
  return MAGIC.find(([, pattern]) => pattern.test(start))?.[0] ?? null;
}

/** May our address serve it? Nothing that could run in a browser: SVG stays in the mail. */
export function isServable(type: string): boolean {
  return ['image/png', 'image/jpeg', 'image/gif', 'image/webp'].includes(type);
}

import type { Queryable } from '../database/connect.js';
import { contentIdOf, hashOf } from './content.js';
import { pictureType } from './picture-type.js';
import type { Picture } from './prepare.js';
import { refuseTemplate } from './problem.js';

/** The pictures that a page names by content ids of ours: those that an archive brought along once, and that a template of it still shows. Throws `template-refused` when one is gone, or is not what it was (T6). */
export async function keptPictures(on: Queryable, html: string): Promise<Picture[]> {
  const named = [...new Set([...html.matchAll(/\bcid:([0-9a-f]{32})@picture\b/g)].map(([, name = '']) => name))];
  if (named.length === 0) return [];
  const rows = await on.query<{ type: string; body: Buffer }>(
    `select type, body from picture where encode(substring(sha256 from 1 for 16), 'hex') = any($1::text[])`,
    [named],
  );
  const found = new Map(
    rows
      .filter(({ type, body }) => pictureType(body) === type)
      .map(({ type, body }) => ({ type, sha256: hashOf(body), bytes: body.length, body }))
      .map((picture) => [contentIdOf(picture), picture] as const),
  );
  return named.map((name) => {
    const picture = found.get(`${name}@picture`);
    if (picture) return picture;
    const message = `The picture "${name.slice(0, 8)}" is not there any more.`;
    throw refuseTemplate([{ line: null, reason: 'picture-gone', message }]);
  });
}

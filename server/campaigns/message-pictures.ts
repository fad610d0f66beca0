import { fieldsNamed } from '../mail/mime-fields.js';
import { readTree, type MimePart } from '../mail/mime-tree.js';
import { contentOf } from '../mail/part-content.js';
import type { ShownPicture } from './content.js';
import { isServable, pictureType } from './picture-type.js';

/** The pictures of a finished message that its HTML names by their content ids (RFC 2392), each what its bytes say; nothing that could run. `message`: a character a byte. */
export function messagePictures(message: string): ShownPicture[] {
  const raw = Buffer.from(message, 'latin1');
  return leavesOf(readTree(raw, 0)).flatMap((part) => {
    const [field] = fieldsNamed(part.header, 'content-id');
    const contentId = field?.value.trim().replace(/^<|>$/g, '') ?? '';
    if (contentId === '' || !part.type.startsWith('image/')) return [];
    const body = contentOf(raw, part);
    const type = pictureType(body);
    return type !== null && isServable(type) ? [{ contentId, type, body }] : [];
  });
}

function leavesOf(part: MimePart): MimePart[] {
  return part.children ? part.children.flatMap(leavesOf) : [part];
}

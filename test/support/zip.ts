import { crc32, deflateRawSync } from 'node:zlib';

/** A file of an archive; what is not said is as an honest program writes it. */
export interface ZipEntry {
  readonly path: string;
  readonly body: Buffer | string;
  /** As on Unix: 0o120000 is a link. */
  readonly mode?: number;
  readonly flags?: number;
  /** What the directory says instead of the truth. */
  readonly says?: { readonly size?: number };
  /** Its data lies where that of the entry before lies. */
  readonly overlaps?: boolean;
}

/** A ZIP archive, well or badly made (APPNOTE 4.3). */
export function makeZip(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let [at, last] = [0, 0];
  for (const entry of entries) {
    const name = Buffer.from(entry.path);
    const body = Buffer.from(entry.body as Buffer);
    const packed = deflateRawSync(body);
    const size = entry.says?.size ?? body.length;
    const facts = Buffer.alloc(22);
    facts.writeUInt16LE(0x0800 | (entry.flags ?? 0), 0);
    facts.writeUInt16LE(8, 2);
    facts.writeUInt32LE(crc32(body), 8);
    facts.writeUInt32LE(packed.length, 12);
    facts.writeUInt32LE(size, 16);
    facts.writeUInt16LE(name.length, 20);
    const start = entry.overlaps ? last : at;
    const local = Buffer.concat([Buffer.from('504b03041400', 'hex'), facts, Buffer.alloc(2), name, packed]);
    const head = Buffer.alloc(16);
    head.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 8);
    head.writeUInt32LE(start, 12);
    directory.push(Buffer.concat([Buffer.from('504b010214031400', 'hex'), facts, head, name]));
    if (entry.overlaps) continue;
    last = at;
    locals.push(local);
    at += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, list, end]);
}

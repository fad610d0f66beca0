import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { arrivalOf, fileName, isMailId, nextId, readFileName, type StoredMail } from './mail-id.js';
import { orNull, putFile, readStart, removeAbandoned } from './files.js';
import { headerValue, readHeaders } from '../mail/read-mail.js';

/** One mail of the list. */
export interface MailboxEntry {
  readonly id: string;
  /** As in the header, or the envelope's when there is none. */
  readonly from: string;
  /** Where bounces would go. */
  readonly envelopeFrom: string;
  /** The envelope's recipient. */
  readonly to: string;
  readonly subject: string;
  /** When it arrived, ISO 8601. */
  readonly date: string;
  /** Bytes. */
  readonly size: number;
}

export interface ArrivingMail {
  readonly from: string;
  readonly to: string;
  readonly raw: Buffer | Readable;
}

/** `to` finds a part of an address; with something before its @ it is the beginning that must match. `before` is an id. */
export interface MailboxQuery {
  readonly limit: number;
  readonly before?: string | undefined;
  readonly to?: string | undefined;
}

/** Mails as files of one folder. An id sorts by arrival. */
export interface Mailbox {
  /** Resolves to the id once the file is whole and in its place. */
  add(mail: ArrivingMail): Promise<string>;
  /** Newest first. */
  list(query: MailboxQuery): Promise<MailboxEntry[]>;
  read(id: string): Promise<Buffer | null>;
  /** Somebody looked at it. Known until the process ends. */
  markOpened(id: string): void;
  wasOpened(id: string): boolean;
  count(): Promise<number>;
  clear(): Promise<void>;
}

/** Opens the folder, and makes it when it is missing. Keeps the newest mails, 20,000 of them. */
export async function openMailbox(directory: string, { keep = 20_000 } = {}): Promise<Mailbox> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await removeAbandoned(directory);
  return new FolderMailbox(directory, keep);
}

const RESCAN_AFTER = 1_000;

class FolderMailbox implements Mailbox {
  /** Sorted by id. */
  #mails: StoredMail[] = [];
  readonly #entries = new Map<string, MailboxEntry>();
  readonly #opened = new Set<string>();
  #scannedAt = -Infinity;
  #folderTime = -1n;
  #lastId = '';

  constructor(
    private readonly directory: string,
    private readonly keep: number,
  ) {
    this.#refresh();
    this.#lastId = this.#mails.at(-1)?.id ?? '';
  }

  async add({ from, to, raw }: ArrivingMail): Promise<string> {
    this.#lastId = nextId(this.#lastId, Date.now());
    const mail = { id: this.#lastId, name: fileName(this.#lastId, from, to), envelopeFrom: from, to };
    await putFile(join(this.directory, `.${mail.id}.tmp`), join(this.directory, mail.name), raw);
    this.#remember(mail);
    await this.#trim();
    return mail.id;
  }

  async list({ limit, before, to }: MailboxQuery): Promise<MailboxEntry[]> {
    this.#refresh();
    const mails = this.#mails;
    const found: MailboxEntry[] = [];
    const end = before === undefined ? mails.length : position(mails, before);
    for (let at = end - 1; at >= 0 && found.length < limit; at -= 1) {
      const mail = mails[at];
      if (!mail || (to && mail.to && !matches(mail.to, to))) continue;
      const entry = await this.#entry(mail);
      if (entry && (!to || matches(entry.to, to))) found.push(entry);
    }
    return found;
  }

  async read(id: string): Promise<Buffer | null> {
    if (!isMailId(id)) return null;
    if (!this.#find(id)) this.#refresh();
    const mail = this.#find(id);
    return mail ? orNull(readFile(join(this.directory, mail.name))) : null;
  }

  markOpened(id: string): void {
    this.#opened.add(id);
  }

  wasOpened(id: string): boolean {
    return this.#opened.has(id);
  }

  async count(): Promise<number> {
    this.#refresh();
    return Promise.resolve(this.#mails.length);
  }

  async clear(): Promise<void> {
    this.#scannedAt = -Infinity;
    this.#refresh();
    this.#entries.clear();
    this.#opened.clear();
    const mails = this.#mails.splice(0);
    while (mails.length > 0) await Promise.all(mails.splice(-100).map(async (mail) => this.#remove(mail)));
  }

  #find(id: string): StoredMail | undefined {
    const mail = this.#mails[position(this.#mails, id)];
    return mail?.id === id ? mail : undefined;
  }

  #remember(mail: StoredMail): void {
    const at = position(this.#mails, mail.id);
    if (this.#mails[at]?.id !== mail.id) this.#mails.splice(at, 0, mail);
  }

  async #trim(): Promise<void> {
    for (const mail of this.#mails.splice(0, Math.max(0, this.#mails.length - this.keep))) {
      this.#entries.delete(mail.id);
      this.#opened.delete(mail.id);
      await this.#remove(mail);
    }
  }

  async #remove({ name }: StoredMail): Promise<void> {
    await orNull(unlink(join(this.directory, name)));
  }

  // Another process may write into the same folder. Synchronous, so that no mail can arrive between the look and its result.
  #refresh(): void {
    if (performance.now() - this.#scannedAt < RESCAN_AFTER) return;
    this.#scannedAt = performance.now();
    const { mtimeNs } = statSync(this.directory, { bigint: true });
    if (mtimeNs === this.#folderTime) return;
    // A folder's time moves in steps of some milliseconds: what comes in the same step would not be seen.
    const isSettled = Date.now() - Number(mtimeNs / 1_000_000n) > 100;
    this.#folderTime = isSettled ? mtimeNs : -1n;
    this.#mails = readdirSync(this.directory)
      .flatMap((name) => readFileName(name) ?? [])
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const known = new Set(this.#mails.map(({ id }) => id));
    for (const id of this.#entries.keys()) if (!known.has(id)) this.#entries.delete(id);
  }

  async #entry(mail: StoredMail): Promise<MailboxEntry | null> {
    const known = this.#entries.get(mail.id);
    if (known) return known;
    const start = await orNull(readStart(join(this.directory, mail.name)));
    if (!start) return null;
    const headers = readHeaders(start.head);
    const entry = {
      id: mail.id,
      from: headerValue(headers, 'from') || mail.envelopeFrom,
      envelopeFrom: mail.envelopeFrom,
      to: mail.to || headerValue(headers, 'to'),
      subject: headerValue(headers, 'subject'),
      date: arrivalOf(mail.id).toISOString(),
      size: start.size,
    };
    this.#entries.set(mail.id, entry);
    return entry;
  }
}

function matches(address: string, wanted: string): boolean {
  const [have, want] = [address.toLowerCase(), wanted.trim().toLowerCase()];
  return want.indexOf('@') > 0 ? have.startsWith(want) : have.includes(want);
}

/** Where an id is, or would be. */
function position(mails: readonly StoredMail[], id: string): number {
  let [low, high] = [0, mails.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((mails[middle]?.id ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

import { createReadStream } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * What must outlive a restored backup, kept outside the database: who left, who was erased, and whom we must never write to (T4). It names rows and keyed hashes only.
 */
export type JournalEntry =
  | { kind: 'withdrawn'; consent: string; chapter: string; event: string; at: string }
  /** Without `until`: for good. */
  | { kind: 'suppressed'; organisation: string; hash: string; reason: string; at: string; until?: string }
  | ErasedEntry;

/** A person who was erased, with the sign-ups that were theirs, and those of them that are kept as used proof until then. */
export interface ErasedEntry {
  readonly kind: 'erased';
  readonly subscriber: string;
  readonly signUps: readonly string[];
  readonly kept: readonly { readonly signUp: string; readonly until: string }[];
  readonly cause: 'person' | 'retention';
  readonly at: string;
}

export interface Journal {
  /** Resolves once the entries are on disk. What this process has written lately is not written again. */
  write(entries: readonly JournalEntry[]): Promise<void>;
  /** All entries, oldest first, one at a time. */
  read(): AsyncIterable<JournalEntry>;
  close(): Promise<void>;
}

/** Opens `<dataDir>/journal/withdrawals.jsonl`. */
export async function openJournal(dataDir: string): Promise<Journal> {
  const directory = join(dataDir, 'journal');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'withdrawals.jsonl');
  const file = await open(path, 'a+', 0o600);
  await endTornLine(file);
  let next: Batch | null = null;
  let last: Promise<void> = Promise.resolve();
  // An answer repeated must not make the file grow; one whose first writing failed must be written.
  const written = new Set<string>();

  // Whoever writes while a sync runs shares the next one, and its failure.
  const startBatch = (): Batch => {
    const entries: JournalEntry[] = [];
    const done = last
      .then(
        () => false,
        () => true,
      )
      .then(async (hasFailed) => {
        next = null;
        if (hasFailed) await endTornLine(file);
        await append(file, entries);
        remember(written, entries);
      });
    last = done;
    return { entries, written: done };
  };
  return {
    write: async (entries) => {
      const fresh = entries.filter((entry) => !written.has(keyOf(entry)));
      if (fresh.length === 0) return;
      next ??= startBatch();
      next.entries.push(...fresh);
      return next.written;
    },
    read: () => readEntries(path),
    close: async () => {
      await last.catch(() => undefined);
      await file.close();
    },
  };
}

/** Of a consent that was ended, or a request that was refused, by an event. */
export function withdrawalEntry(consent: { id: string; signUpId: string }, event: string, at: Date): JournalEntry {
  return { kind: 'withdrawn', consent: consent.id, chapter: consent.signUpId, event, at: at.toISOString() };
}

/** Of an address that must not be written to. */
export function suppressionEntry(of: {
  organisation: string;
  hash: Buffer;
  reason: string;
  at: Date;
  until?: Date;
}): JournalEntry {
  return {
    kind: 'suppressed',
    organisation: of.organisation,
    hash: of.hash.toString('base64'),
    reason: of.reason,
    at: of.at.toISOString(),
    ...(of.until ? { until: of.until.toISOString() } : {}),
  };
}

interface Batch {
  readonly entries: JournalEntry[];
  readonly written: Promise<void>;
}

const REMEMBERED = 20_000;

function remember(written: Set<string>, entries: readonly JournalEntry[]): void {
  for (const entry of entries) written.add(keyOf(entry));
  for (const oldest of written) {
    if (written.size <= REMEMBERED) return;
    written.delete(oldest);
  }
}

function keyOf(entry: JournalEntry): string {
  if (entry.kind === 'erased') return `erased ${entry.subscriber}`;
  return entry.kind === 'withdrawn' ? entry.event : JSON.stringify(entry);
}

async function append(file: FileHandle, entries: readonly JournalEntry[]): Promise<void> {
  await file.appendFile(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  await file.sync();
}

// A crash or a full disk may have cut the last line short: what is written next must not become part of it.
async function endTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  if (size === 0) return;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer[0] !== 0x0a) await file.appendFile('\n');
}

async function* readEntries(path: string): AsyncGenerator<JournalEntry> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const entry = parse(line);
    if (entry) yield entry;
  }
}

// A line may be torn by a crash: its withdrawal was never answered.
function parse(line: string): JournalEntry | null {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return null;
  }
}

import { createReadStream } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * What must outlive a restored backup, kept outside the database: who left, and whom we must never write to (T4). It names rows and keyed hashes only.
 */
export type JournalEntry =
  | { kind: 'withdrawn'; consent: string; chapter: string; event: string; at: string }
  | { kind: 'suppressed'; organisation: string; hash: string; reason: string; at: string };

export interface Journal {
  /** Resolves once the entries are on disk. */
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
  const file = await open(path, 'a', 0o600);
  let waiting: JournalEntry[] = [];
  let turn: Promise<void> = Promise.resolve();
  return {
    // Whoever writes while a sync runs shares the next one.
    write: async (entries) => {
      if (entries.length === 0) return;
      waiting.push(...entries);
      const mine = turn
        .catch(() => undefined)
        .then(async () => {
          const lines = waiting;
          waiting = [];
          await append(file, lines);
        });
      turn = mine;
      return mine;
    },
    read: () => readEntries(path),
    close: async () => {
      await turn.catch(() => undefined);
      await file.close();
    },
  };
}

async function append(file: FileHandle, entries: readonly JournalEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await file.appendFile(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  await file.sync();
}

async function* readEntries(path: string): AsyncGenerator<JournalEntry> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const entry = parse(line);
    if (entry) yield entry;
  }
}

// The last line may be torn by a crash: its withdrawal was never answered.
function parse(line: string): JournalEntry | null {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return null;
  }
}

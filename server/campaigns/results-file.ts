import type { Context } from '../context.js';
import { maskAddress, parseAddress } from '../mail/address.js';
import { FROM_START, resultsAfter, type ResultFilter, type ResultRow } from './results.js';

export const RESULT_COLUMNS = [
  ...['address', 'outcome', 'reason', 'at', 'tries', 'answer'],
  ...['came_back', 'came_back_reason', 'came_back_at'],
] as const;

const ROWS = 1_000;

/** Everybody's outcome as CSV (RFC 4180), some rows at a time: a million people are never in memory. */
export async function* resultsCsv(
  ctx: Context,
  campaignId: string,
  filter: ResultFilter,
  isMasked: boolean,
): AsyncGenerator<string> {
  yield `${RESULT_COLUMNS.join(',')}\r\n`;
  for await (const rows of pagesOf(ctx, campaignId, filter)) {
    yield rows.map((row) => `${cellsOf(row, isMasked).map(csvCell).join(',')}\r\n`).join('');
  }
}

/** The same, a JSON object a line. */
export async function* resultsJson(
  ctx: Context,
  campaignId: string,
  filter: ResultFilter,
  isMasked: boolean,
): AsyncGenerator<string> {
  for await (const rows of pagesOf(ctx, campaignId, filter)) {
    yield rows
      .map((row) => {
        const cells = cellsOf(row, isMasked);
        return `${JSON.stringify(Object.fromEntries(RESULT_COLUMNS.map((name, place) => [name, cells[place] ?? ''])))}\n`;
      })
      .join('');
  }
}

/** One cell. What a spreadsheet would run as a formula begins with an apostrophe, which it takes for text (T19). */
export function csvCell(text: string): string {
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]/.test(text) || /^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n;'\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

async function* pagesOf(ctx: Context, campaignId: string, filter: ResultFilter): AsyncGenerator<ResultRow[]> {
  for (let after = FROM_START; ;) {
    const rows = await resultsAfter(ctx, campaignId, filter, after, ROWS);
    if (rows.length > 0) yield rows;
    if (rows.length < ROWS) return;
    after = rows.at(-1)?.subscriberId ?? after;
  }
}

function cellsOf(row: ResultRow, isMasked: boolean): string[] {
  return [
    row.address === null ? '' : isMasked ? maskAddress(parseAddress(row.address)).seen : row.address,
    ...[row.outcome, row.reason ?? '', row.at.toISOString(), String(row.tries), row.reply ?? ''],
    ...[row.bounce ?? '', row.bounceReason ?? '', row.bouncedAt?.toISOString() ?? ''],
  ];
}

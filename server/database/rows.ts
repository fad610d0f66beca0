/** Rows turned into columns: many rows go into a statement as one array a column, so that its text and plan are the same for any number of them. */
export function columnsOf(rows: readonly (readonly unknown[])[], width: number): unknown[][] {
  return Array.from({ length: width }, (_, column) => rows.map((row) => row[column]));
}

/** The table expression that reads such arrays back, from parameter `first` on: `unnest(...) as row (...)`. `columns`: "name type" each. */
export function unnest(first: number, columns: readonly string[]): string {
  const split = columns.map((column) => column.split(' '));
  const arrays = split.map(([, type = ''], place) => `$${first + place}::${type}[]`);
  return `unnest(${arrays.join(', ')}) as row (${split.map(([name]) => name).join(', ')})`;
}

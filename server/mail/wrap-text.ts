const WIDTH = 76;

/** One paragraph in lines of at most 76 characters, parted at blanks only: URLs stay whole. `first` and `rest` indent. */
export function wrapText(paragraph: string, first: string, rest: string): string {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of paragraph.split(/[ \t\r\n\f]+/)) {
    if (word === '') continue;
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line].map((one) => one.trimEnd()).join('\n');
}

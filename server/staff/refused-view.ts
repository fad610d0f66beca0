/** What differs from one mistake in a template to the next; the words around it stand in the catalogs. */
export function detailOf(message: string): string {
  const tag = /^nothing fills "(.*?)"[.;]/s.exec(message)?.[1];
  const why = /^The unsubscribe footer would not be seen: (.*)\. Correct the HTML/s.exec(message)?.[1];
  const quoted = /^(?:The (?:style sheet|picture|file) )?"(.*?)" /s.exec(message)?.[1];
  return tag ?? why ?? quoted ?? message;
}

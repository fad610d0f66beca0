/** Fields of one group of a machine-readable report, by name in lower case, unfolded. */
export type FieldGroup = ReadonlyMap<string, string>;

const MAX_LINES = 2_000;

/**
 * Reads the groups of fields of a report. RFC 3464 2.1, RFC 5965 3. A blank line ends a group; where one is missing, a field that comes again begins the next.
 * What is no field is passed over.
 */
export function readGroups(text: string): FieldGroup[] {
  const groups: Map<string, string>[] = [];
  let group = new Map<string, string>();
  let last = '';
  const end = (): void => {
    if (group.size > 0) groups.push(group);
    group = new Map();
  };
  for (const line of text.split(/\r\n|\r|\n/, MAX_LINES)) {
    const [, name = '', value = ''] = /^([A-Za-z][\w-]{0,60})[ \t]*:(.*)$/s.exec(line) ?? [];
    if (line.trim() === '') end();
    else if (name !== '') {
      last = name.toLowerCase();
      if (group.has(last) && BEGINS.includes(last)) end();
      if (!group.has(last)) group.set(last, value.trim());
    } else if (group.has(last)) group.set(last, `${group.get(last) ?? ''} ${line.trim()}`.trim().slice(0, 4_000));
  }
  end();
  return groups;
}

/** The fields with which the group of a recipient begins. */
const BEGINS = ['original-recipient', 'final-recipient', 'action', 'status'];

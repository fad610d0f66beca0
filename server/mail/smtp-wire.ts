/** One answer of a server: its code and its lines without the code. RFC 5321 4.2. */
export interface Reply {
  readonly code: number;
  readonly lines: readonly string[];
}

/** No honest answer is longer; a server that keeps talking must not fill our memory. */
const REPLY_LIMIT = 16_384;

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const ONE_DOT = Buffer.from('.');
const LF_DOT = Buffer.from('\n.');
const END = Buffer.from('.\r\n');
const CRLF_END = Buffer.from('\r\n.\r\n');

/** Cuts a server's bytes into answers. Throws RangeError when an answer never ends, SyntaxError when it is not SMTP. */
export class ReplyReader {
  #rest = '';
  #lines: string[] = [];

  /** True when nothing of a further answer has arrived. */
  get isClean(): boolean {
    return this.#rest === '' && this.#lines.length === 0;
  }

  read(chunk: Buffer): Reply[] {
    const lines = (this.#rest + chunk.toString('utf8')).split('\n');
    this.#rest = lines.pop() ?? '';
    const replies = lines.flatMap((line) => this.#take(line.replace(/\r$/, '')));
    if (this.#rest.length + this.#lines.join().length > REPLY_LIMIT) throw new RangeError('an answer without an end');
    return replies;
  }

  #take(line: string): Reply[] {
    const parts = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (!parts) throw new SyntaxError('an answer that is not SMTP');
    this.#lines.push(parts[3] ?? '');
    if (parts[2] === '-') return [];
    const reply = { code: Number(parts[1]), lines: this.#lines };
    this.#lines = [];
    return [reply];
  }
}

/** What an EHLO answer offers: keyword in capitals to its parameters. */
export function readExtensions({ lines }: Reply): Map<string, string[]> {
  return new Map(
    lines.slice(1).map((line) => {
      const [keyword = '', ...parameters] = line.toUpperCase().split(/[\s=]+/);
      return [keyword, parameters] as const;
    }),
  );
}

/** The enhanced status code at the head of an answer (RFC 3463), if it has one. */
export function enhancedCode(reply: Reply): string | undefined {
  return /^[245]\.\d{1,3}\.\d{1,3}(?!\S)/.exec(reply.lines[0] ?? '')?.[0];
}

/**
 * The body of DATA: dots doubled at the start of a line, and the end mark (RFC 5321 4.5.2). The message's own bytes are not copied.
 * A dot after a bare LF is doubled too: no server may take a part of a message for its end and what follows for commands.
 */
export function frameData(message: readonly Buffer[]): Buffer[] {
  const framed: Buffer[] = [];
  let before = CR;
  let last = LF;
  for (const chunk of message) {
    if (chunk.length === 0) continue;
    if (last === LF && chunk[0] === DOT) framed.push(ONE_DOT);
    let from = 0;
    for (let at = chunk.indexOf(LF_DOT); at !== -1; at = chunk.indexOf(LF_DOT, at + 2)) {
      framed.push(chunk.subarray(from, at + 1), ONE_DOT);
      from = at + 1;
    }
    framed.push(from === 0 ? chunk : chunk.subarray(from));
    before = chunk.at(-2) ?? last;
    last = chunk.at(-1) ?? LF;
  }
  framed.push(before === CR && last === LF ? END : CRLF_END);
  return framed;
}

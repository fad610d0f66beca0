import { decodeBase64, decodeDecimal } from './base64.js';
import { Malformed } from './malformed.js';

/** Proof that a leaf stands in a log. c2sp tlog-proof@v1. */
export interface TlogProof {
  readonly index: number;
  /** Audit path, 32 bytes each, from the leaf's sibling upwards. */
  readonly hashes: readonly Buffer[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
  /** Not authenticated by the log. Ours is the opening of the commitment (P-09). */
  readonly extra?: Buffer;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
const MAX_HASHES = 64;

/** The proof as text. */
export function formatProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...hashes.map((hash) => hash.toString('base64')),
  ];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** Reads the text; the checkpoint in it is not looked at. Throws Malformed. */
export function parseProof(text: string): TlogProof {
  const end = text.indexOf('\n\n');
  const [header, ...lines] = text.slice(0, Math.max(end, 0)).split('\n');
  const checkpoint = text.slice(end + 2);
  if (header !== HEADER || checkpoint === '') throw new Malformed('tlog-proof', 'not a tlog-proof');
  const extraLine = lines[0]?.startsWith('extra ') ? lines.shift() : undefined;
  const index = parseIndex(lines.shift() ?? '');
  if (lines.length > MAX_HASHES) throw new Malformed('tlog-proof', 'too many hashes');
  const proof = { index, hashes: lines.map(parseHash), checkpoint };
  return extraLine === undefined ? proof : { ...proof, extra: parseExtra(extraLine.slice('extra '.length)) };
}

function parseExtra(encoded: string): Buffer {
  const extra = decodeBase64(encoded);
  if (extra === null || extra.length === 0) throw new Malformed('tlog-proof', 'extra is not base64');
  return extra;
}

function parseIndex(line: string): number {
  const index = line.startsWith('index ') ? decodeDecimal(line.slice('index '.length)) : null;
  if (index === null) throw new Malformed('tlog-proof', 'no index');
  return index;
}

function parseHash(line: string): Buffer {
  const hash = decodeBase64(line);
  if (hash?.length !== 32) throw new Malformed('tlog-proof', 'a hash has 32 bytes in base64');
  return hash;
}

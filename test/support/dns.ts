import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A resolver on loopback that knows some TXT records, by name in lower case; everything else does not exist. */
export interface TestDns {
  /** For DNS_SERVER. */
  readonly server: string;
  readonly records: Map<string, readonly string[]>;
  /** Names that were asked for. */
  readonly asked: string[];
  /** `refuses`: SERVFAIL to everything. */
  refuses: boolean;
  stop(): Promise<void>;
}

const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_NAME = 3;
const HEADER_BYTES = 12;

/** Starts one, by UDP only. */
export async function startDns(): Promise<TestDns> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const dns: TestDns = {
    server: `127.0.0.1:${socket.address().port}`,
    records: new Map(),
    asked: [],
    refuses: false,
    stop: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
  socket.on('message', (question, { port, address }) => {
    const { name, end } = readName(question);
    dns.asked.push(name);
    const texts = dns.records.get(name);
    const code = dns.refuses ? SERVER_FAILURE : texts ? NO_ERROR : NO_NAME;
    const answers = dns.refuses ? [] : (texts ?? []).map(textRecord);
    socket.send(format(question, end, code, answers), port, address);
  });
  return dns;
}

function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  // The empty label, type and class follow.
  return { name: labels.join('.').toLowerCase(), end: at + 5 };
}

function format(question: Buffer, end: number, code: number, answers: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  question.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([header, question.subarray(HEADER_BYTES, end), ...answers]);
}

/** TXT, class IN, of the name that was asked for. */
function textRecord(text: string): Buffer {
  const pieces = (text.match(/.{1,255}/gs) ?? ['']).map((piece) =>
    Buffer.concat([Buffer.from([piece.length]), Buffer.from(piece, 'latin1')]),
  );
  const content = Buffer.concat(pieces);
  const head = Buffer.from('c00c0010000100000e100000', 'hex');
  head.writeUInt16BE(content.length, 10);
  return Buffer.concat([head, content]);
}

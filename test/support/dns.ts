import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A resolver on loopback that knows some records, by name in lower case; everything else does not exist. */
export interface TestDns {
  /** For DNS_SERVER. */
  readonly server: string;
  /** TXT. */
  readonly records: Map<string, readonly string[]>;
  /** Hosts of MX records; '' is "takes no mail". */
  readonly mx: Map<string, readonly string[]>;
  /** A: IPv4 addresses. */
  readonly addresses: Map<string, readonly string[]>;
  /** PTR: names, by `1.2.0.192.in-addr.arpa`. */
  readonly names: Map<string, readonly string[]>;
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
const TYPES = { a: 1, ptr: 12, mx: 15, txt: 16 };

/** Starts one, by UDP only. */
export async function startDns(): Promise<TestDns> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const dns: TestDns = {
    server: `127.0.0.1:${socket.address().port}`,
    ...{ records: new Map(), mx: new Map(), addresses: new Map(), names: new Map() },
    asked: [],
    refuses: false,
    stop: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
  socket.on('message', (question, { port, address }) => {
    const { name, type, end } = readQuestion(question);
    dns.asked.push(name);
    const isKnown = [dns.records, dns.mx, dns.addresses, dns.names].some((map) => map.has(name));
    const code = dns.refuses ? SERVER_FAILURE : isKnown ? NO_ERROR : NO_NAME;
    const answers = dns.refuses ? [] : contentsOf(dns, type, name).map((content) => recordOf(type, content));
    socket.send(format(question, end, code, answers), port, address);
  });
  return dns;
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  // The empty label, type and class follow.
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function contentsOf(dns: TestDns, type: number, name: string): Buffer[] {
  switch (type) {
    case TYPES.txt:
      return (dns.records.get(name) ?? []).map(textContent);
    case TYPES.mx:
      return (dns.mx.get(name) ?? []).map((host) => Buffer.concat([Buffer.from([0, 10]), nameContent(host)]));
    case TYPES.a:
      return (dns.addresses.get(name) ?? []).map((ip) => Buffer.from(ip.split('.').map(Number)));
    case TYPES.ptr:
      return (dns.names.get(name) ?? []).map(nameContent);
    default:
      return [];
  }
}

function format(question: Buffer, end: number, code: number, answers: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  question.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([header, question.subarray(HEADER_BYTES, end), ...answers]);
}

function textContent(text: string): Buffer {
  const pieces = (text.match(/.{1,255}/gs) ?? ['']).map((piece) =>
    Buffer.concat([Buffer.from([piece.length]), Buffer.from(piece, 'latin1')]),
  );
  return Buffer.concat(pieces);
}

function nameContent(name: string): Buffer {
  const labels = name.split('.').filter(Boolean);
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

/** Class IN, of the name that was asked for, for an hour. */
function recordOf(type: number, content: Buffer): Buffer {
  const head = Buffer.from('c00c0000000100000e100000', 'hex');
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(content.length, 10);
  return Buffer.concat([head, content]);
}

import type { Duplex } from 'node:stream';

/** Answers what is no HTTP request, or one whose headers are too long, in plain words: it names no page and no language. */
export function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, words] = ANSWERS[error.code ?? ''] ?? NOT_HTTP;
  const body = `${words} Nothing was changed.\n`;
  const headers = ['Content-Type: text/plain; charset=utf-8', `Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`HTTP/1.1 ${status}`, ...headers, 'Cache-Control: no-store', 'Connection: close'];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

type Answer = readonly [status: string, words: string];

const NOT_HTTP: Answer = ['400 Bad Request', 'This could not be read as a request.'];
const ANSWERS: Readonly<Record<string, Answer>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'The address or the cookies of this request are too long. Clear the cookies of this site, or shorten the address.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not come to its end in time.'],
};

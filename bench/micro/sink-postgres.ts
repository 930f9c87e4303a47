/**
 * Speaks just enough of Postgres's protocol to take COPYs, on the Unix socket given as first argument, and throws
 * their bytes away: what is left is the cost of sending.
 */
import { createServer, type Socket } from 'node:net';

const COPY_DONE = 'c';
const COPY_FAIL = 'f';
const QUERY = 'Q';

createServer((socket) => {
  socket.on('error', () => {});
  new SinkConnection(socket);
}).listen(process.argv[2], () => process.send?.('listening'));
process.on('disconnect', () => process.exit());

class SinkConnection {
  readonly #socket: Socket;
  #started = false;
  #rows = 0;
  /** A message whose rest has not come. Rests of COPY data are skipped, not kept. */
  #head: Buffer = Buffer.alloc(0);
  #skip = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
  }

  #take(chunk: Buffer): void {
    if (this.#skip >= chunk.length) {
      this.#skip -= chunk.length;
      return;
    }
    let rest = Buffer.concat([this.#head, chunk.subarray(this.#skip)]);
    this.#skip = 0;
    while (rest.length >= 5) {
      const lengthAt = this.#started ? 1 : 0;
      const size = lengthAt + rest.readUInt32BE(lengthAt);
      const type = this.#started ? String.fromCharCode(rest[0] ?? 0) : 'start';
      if (rest.length < size && type !== 'd') break;
      this.#answer(type, rest.subarray(0, size));
      this.#skip = Math.max(0, size - rest.length);
      rest = rest.subarray(Math.min(size, rest.length));
    }
    this.#head = rest;
  }

  #answer(type: string, message: Buffer): void {
    if (type === 'start') {
      this.#started = true;
      this.#send('R', Buffer.alloc(4));
      this.#ready();
    } else if (type === QUERY) {
      const text = message.toString('utf8', 5);
      this.#rows = Number(/^copy rows (\d+)/.exec(text)?.[1] ?? 0);
      this.#send('G', Buffer.from([1, 0, 0]));
    } else if (type === COPY_DONE || type === COPY_FAIL) {
      this.#send('C', Buffer.from(`COPY ${this.#rows}\0`));
      this.#ready();
    }
  }

  #ready(): void {
    this.#send('Z', Buffer.from('I'));
  }

  #send(type: string, body: Buffer): void {
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeUInt32BE(body.length + 4, 1);
    this.#socket.write(Buffer.concat([head, body]));
  }
}

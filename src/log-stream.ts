import { once } from 'node:events';
import { createRequire } from 'node:module';
import pino, { type LoggerOptions } from 'pino';
import { plainJson, plainLines, plainText } from './text/plain-text.ts';

/** The log never holds credentials: requests are logged by method, path and status only. */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    redact: ['req.headers.authorization', 'account', '*.account', 'password', '*.password', '*.*.password'],
  };
}

export interface LogStream {
  write(line: string): void;
  /** Resolves when all lines are written, cannot be, or have not been for 2 s; to be awaited before the process exits. */
  settled(): Promise<void>;
}

/**
 * Where the log goes: standard output, as JSON, an object a line; on a terminal as lines for people. In neither form does
 * a terminal take anything for commands (pino leaves C1's controls as they are).
 */
export function logStream(terminal: boolean = process.stdout.isTTY): LogStream {
  const { write, settled } = standardOutput();
  if (!terminal) return { settled, write: (line) => write(plainJson(line)) };
  // Without colours: what makes them is what must not come from outside.
  const options = { colorize: false, singleLine: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' };
  // On a terminal only: its 30 modules cost each start some ms.
  const { prettyFactory }: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty');
  const prettify = prettyFactory(options);
  // A stack has lines of its own; in anything else a line break would forge a line.
  const plain = (key: string, value: unknown) =>
    typeof value === 'string' && key !== 'stack' ? plainText(value) : value;
  return { settled, write: (line) => write(plainLines(prettify(JSON.parse(line, plain)))) };
}

/** Longest text that waits for a standard output that takes none, in characters; what comes then is dropped. */
const WAITING_LENGTH = 1024 * 1024;

/** Longest wait for the last lines to be written, in ms: nobody may read them. */
const SETTLING_MS = 2_000;

/**
 * A full disk or a closed terminal costs log lines, not the server: what could not be written is tried again with the next line.
 * pino's own flush at exit is left out: it goes on until everything is written, which with a closed terminal is for ever.
 */
function standardOutput(): LogStream {
  const out = pino.destination({ dest: 1, minLength: 0, maxLength: WAITING_LENGTH });
  out.flushSync = () => {};
  let waiting = false;
  const settle = () => {
    waiting = false;
  };
  out.on('drain', settle);
  out.on('error', settle);
  return {
    write(line) {
      waiting = true;
      out.write(line);
    },
    async settled() {
      if (!waiting) return;
      // It rejects at an error.
      await once(out, 'drain', { signal: AbortSignal.timeout(SETTLING_MS) }).catch(() => {});
    },
  };
}

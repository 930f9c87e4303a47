import pino, { type LoggerOptions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { plainJson, plainLines, plainText } from './text/plain-text.ts';

/** The log never holds credentials: requests are logged by method, path and status only. */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    redact: ['req.headers.authorization', 'account', '*.account', 'password', '*.password', '*.*.password'],
  };
}

/**
 * Where the log goes: standard output, as JSON, an object a line; on a terminal as lines for people. In neither form does
 * a terminal take anything for commands (pino leaves C1's controls as they are).
 */
export function logStream(terminal: boolean = process.stdout.isTTY): { write(line: string): void } {
  const out = standardOutput();
  if (!terminal) return { write: (line) => out.write(plainJson(line)) };
  // Without colours: what makes them is what must not come from outside.
  const options = { colorize: false, singleLine: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' };
  const prettify = prettyFactory(options);
  // A stack has lines of its own; in anything else a line break would forge a line.
  const plain = (key: string, value: unknown) =>
    typeof value === 'string' && key !== 'stack' ? plainText(value) : value;
  return { write: (line) => out.write(plainLines(prettify(JSON.parse(line, plain)))) };
}

/** Longest text that waits for a standard output that takes none, in characters; what comes then is dropped. */
const WAITING_LENGTH = 1024 * 1024;

/**
 * A full disk or a closed terminal costs log lines, not the server: what could not be written is tried again with the next line.
 * The flush at exit is left out then: pino's goes on until everything is written, which with a closed terminal is for ever.
 */
function standardOutput(): { write(line: string): void } {
  const out = pino.destination({ dest: 1, minLength: 0, maxLength: WAITING_LENGTH });
  const flush = out.flushSync.bind(out);
  let failed = false;
  out.on('error', () => {
    failed = true;
  });
  out.on('write', () => {
    failed = false;
  });
  out.flushSync = () => {
    if (!failed) flush();
  };
  return out;
}

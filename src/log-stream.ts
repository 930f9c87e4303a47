import pino from 'pino';
import { plainJson } from './text/plain-text.ts';

/** Where the log goes: standard output, as JSON that no terminal takes for commands (pino leaves C1's controls as they are). */
export function logStream(): { write(line: string): void } {
  const out = pino.destination(1);
  return { write: (line) => out.write(plainJson(line)) };
}

import { constants } from 'node:os';
import { StartError } from '../src/errors/start-error.ts';
import { UsageError } from './parse-options.ts';

/** Somebody asked the program to end. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`Interrupted by ${signal}`);
    // The shells' convention.
    this.exitCode = 128 + constants.signals[signal];
  }
}

export interface Run {
  /** Aborted by Ctrl-C and its like. */
  signal: AbortSignal;
  /** Notes what has to be undone at the end, last first, however the end comes. */
  defer(undo: () => Promise<void>): void;
}

/**
 * Runs a program and undoes what it started: after success, failure, and an interrupt, of which later ones change
 * nothing. Sets the process's exit code: the program's own, 1 with the reason after a failure or a wrong command line,
 * 128 + n after a signal.
 */
export async function runUntilEnd(program: (run: Run) => Promise<number>): Promise<void> {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => abort.abort(new Interrupted(signal)));
  }
  const deferred: (() => Promise<void>)[] = [];
  try {
    process.exitCode = await program({ signal: abort.signal, defer: (undo) => deferred.push(undo) });
  } catch (error) {
    process.exitCode = report(abort.signal.aborted ? abort.signal.reason : error);
  }
  for (const undo of deferred.reverse()) {
    try {
      await undo();
    } catch (error) {
      process.exitCode = report(error);
    }
  }
}

/** Waits for Ctrl-C and its like, which come as the signal's reason: an error. */
export async function untilInterrupted(signal: AbortSignal): Promise<never> {
  return await new Promise((_resolve, reject) => {
    const end = () => reject(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}

function report(error: unknown): number {
  const plain = error instanceof Interrupted || error instanceof UsageError || error instanceof StartError;
  const text = error instanceof Error ? (plain ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`\n${text}\n`);
  return error instanceof Interrupted ? error.exitCode : 1;
}

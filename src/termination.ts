/** What ends a process from outside; the rest of them (SIGKILL) cannot be handled. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** Why the process is to end. */
export type TerminationCause = { signal: NodeJS.Signals } | { error: unknown };

export interface TerminationOptions {
  /** Longest time for `close`, in ms; the process then ends with exit code 1 all the same. */
  timeoutMs: number;
  /** Ends what runs. The process ends with 0 once it resolves, with 1 when it rejects or an error was the cause. */
  close: (cause: TerminationCause) => Promise<void>;
  /** A further signal or error while the process is closing: it changes nothing. */
  onFurther: (cause: TerminationCause) => void;
}

/**
 * Ends the process in order at the first signal or unexpected error. Further ones neither cut that short nor end the
 * process: a supervisor or a terminal often sends two, and a process that exits at the second leaves behind what it was
 * about to stop.
 */
export function handleTermination({ timeoutMs, close, onFurther }: TerminationOptions): void {
  let closing = false;
  const terminate = (cause: TerminationCause) => {
    if (closing) {
      onFurther(cause);
      return;
    }
    closing = true;
    setTimeout(() => process.exit(1), timeoutMs);
    close(cause).then(
      () => process.exit('error' in cause ? 1 : 0),
      () => process.exit(1),
    );
  };
  for (const signal of SIGNALS) process.on(signal, () => terminate({ signal }));
  process.on('uncaughtException', (error: unknown) => terminate({ error }));
  process.on('unhandledRejection', (error: unknown) => terminate({ error }));
}

/** For programs that `node --test` does not run: Ctrl-C or SIGTERM closes what they have opened, and ends them with 130. */
export function closeOnInterrupt(close: () => Promise<void>): void {
  const interrupt = () => {
    // What fails because its parts are closed must not end the process before all of them are.
    process.on('uncaughtException', () => {});
    close().finally(() => process.exit(130));
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupt);
}

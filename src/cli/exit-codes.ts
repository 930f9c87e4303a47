/** What the program's exit says to scripts; the same for all commands. */
export const EXIT = {
  ok: 0,
  /** Also what the server says of parameters: they are the command line's. */
  usage: 1,
  /** The load has ended, and files of it failed. */
  failedFiles: 2,
  /** The load has ended before all its files were loaded: cancelled, or its servers are gone. */
  interrupted: 3,
  /** The server cannot be reached, refuses the call, or returns an unrecognised response. */
  server: 4,
  /** Every file is loaded, but bad lines were left out of some (max-errors). */
  linesLeftOut: 5,
  /** Ctrl-C, by the shells' convention. */
  ctrlC: 130,
} as const;

/** For `--help`. */
export const EXIT_CODES_HELP = `
Exit codes:
  0    done; with --follow: every file is loaded
  1    the command line is wrong, a parameter is, or something it needs is not set; with demo: it failed
  2    the load has ended, but files failed (see: fhir-bucket-loader files s3://bucket --failed)
  3    the load was interrupted or cancelled before its end (the same load command continues it)
  4    the server cannot be reached, or refused
  5    every file is loaded, but bad lines were left out of some (--max-errors); GET /LoaderError has them
  130  Ctrl-C ended the following; the load goes on`;

/** Ends the program with a message and an exit code; anything else that is thrown is a bug. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

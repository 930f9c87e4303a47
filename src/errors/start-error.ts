/** Why the server cannot start, for the operator: what is wrong, and what to set. Printed without a stack. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}

/** A setting that the server cannot start with; the message names it and says how to mend it. */
export class ConfigError extends StartError {
  override readonly name = 'ConfigError';
}

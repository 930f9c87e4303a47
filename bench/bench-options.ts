import { parseArgs } from 'node:util';

/** What every bench can be told. */
export interface BenchOptions {
  /** Size of the ndjson, in MB. */
  megabytes: number;
  seed: number;
  /** How many files, where a bench is about their number. */
  files: number;
  rounds: number;
  /** Files at a time. */
  threads: number;
  /** Folder of another Postgres's programs; the embedded one if undefined. */
  postgres: string | undefined;
  /** What Postgres and its file pages may take, in MB; all there is if undefined. */
  postgresMemory: number | undefined;
  /** Names of the contenders or cases to run; all if empty. */
  only: readonly string[];
  /** Other source trees of this project to compare with. */
  compare: readonly string[];
  json: boolean;
}

const list = (text: string | undefined) => (text === undefined ? [] : text.split(','));

/**
 * Reads the command line of a bench.
 * @param defaults what this bench does when told nothing
 * @throws when an option is unknown or no number where one is needed
 */
export function readBenchOptions(defaults: { megabytes: number; rounds?: number }, args?: string[]): BenchOptions {
  const { values } = parseArgs({
    ...(args === undefined ? {} : { args }),
    options: {
      size: { type: 'string' },
      seed: { type: 'string' },
      files: { type: 'string' },
      rounds: { type: 'string' },
      threads: { type: 'string' },
      postgres: { type: 'string' },
      'postgres-memory': { type: 'string' },
      only: { type: 'string' },
      compare: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const memory = values['postgres-memory'];
  return {
    megabytes: positive('size', values.size, defaults.megabytes),
    seed: positive('seed', values.seed, 1),
    files: positive('files', values.files, 10_000),
    rounds: positive('rounds', values.rounds, defaults.rounds ?? 3),
    threads: positive('threads', values.threads, 4),
    postgres: values.postgres,
    postgresMemory: memory === undefined ? undefined : positive('postgres-memory', memory, 0),
    only: list(values.only),
    compare: list(values.compare),
    json: values.json,
  };
}

function positive(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not ${text}`);
  return value;
}

import type { ParseArgsOptionDescriptor } from 'node:util';
import { DEMO_RESOURCE_TYPES } from './fhir-data/demo-resource-types.ts';
import { parseOptions, toInteger } from './parse-options.ts';

/** What the generated data depends on; the same values give the same bytes. */
export interface DataOptions {
  resources: number;
  seed: number;
}

/** Values of `--resources`, `--seed` and of the options named, by their names. */
export interface CommandLine {
  data: DataOptions;
  texts: Readonly<Record<string, string | undefined>>;
  flags: ReadonlySet<string>;
}

const DEFAULT_SEED = 1;

/**
 * Reads this process's command line.
 * @param options.texts options with a value, besides `--resources` and `--seed`
 * @param options.flags options without one
 * @throws UsageError
 */
export function readCommandLine(options: {
  resources: number;
  texts?: readonly string[];
  flags?: readonly string[];
}): CommandLine {
  const { texts = [], flags = [] } = options;
  const values = parse([...texts, 'resources', 'seed'], flags);
  const text = (name: string) => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    data: {
      resources: toInteger('--resources', text('resources'), options.resources, DEMO_RESOURCE_TYPES.length),
      seed: toInteger('--seed', text('seed'), DEFAULT_SEED, 0),
    },
    texts: Object.fromEntries(texts.map((name) => [name, text(name)])),
    flags: new Set(flags.filter((name) => values[name] === true)),
  };
}

function parse(texts: readonly string[], flags: readonly string[]): Record<string, unknown> {
  const describe = (type: 'string' | 'boolean') => (name: string) =>
    [name, { type }] satisfies [string, ParseArgsOptionDescriptor];
  return parseOptions(Object.fromEntries([...texts.map(describe('string')), ...flags.map(describe('boolean'))]));
}

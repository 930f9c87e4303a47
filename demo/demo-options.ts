import { parseArgs } from 'node:util';
import { DEMO_RESOURCE_TYPES } from './fhir-data/demo-resource-types.ts';

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface DemoOptions {
  resources: number;
  seed: number;
  /** Leave everything running at the end, until Ctrl-C. */
  keep: boolean;
}

export const DEFAULT_SEED = 1;

/** @throws UsageError */
export function parseDemoOptions(args: readonly string[], defaultResources: number): DemoOptions {
  const { resources, seed, keep } = parse(args);
  return {
    resources: toInteger('--resources', resources ?? String(defaultResources), DEMO_RESOURCE_TYPES.length),
    seed: toInteger('--seed', seed ?? String(DEFAULT_SEED), 0),
    keep: keep === true,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { resources: { type: 'string' }, seed: { type: 'string' }, keep: { type: 'boolean' } },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function toInteger(option: string, text: string, least: number): number {
  const value = Number(text.replaceAll(/[_,]/g, ''));
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${option} must be a whole number from ${least} up, not ${text}`);
  }
  return value;
}

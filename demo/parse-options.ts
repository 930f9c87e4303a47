import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * The options of a command line, by name. An option that is given twice is refused, unless it is `multiple`: all its values but
 * the last would be lost without a word.
 * @param args this process's by default
 * @throws UsageError
 */
export function parseOptions<const Options extends ParseArgsOptionsConfig>(
  options: Options,
  args: readonly string[] = process.argv.slice(2),
) {
  const { values, tokens } = parse(options, args);
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option' || options[token.name]?.multiple === true) continue;
    if (given.has(token.name)) throw new UsageError(`${token.rawName} may be given only once`);
    given.add(token.name);
  }
  return values;
}

function parse<const Options extends ParseArgsOptionsConfig>(options: Options, args: readonly string[]) {
  try {
    return parseArgs({ options, args: [...args], tokens: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws UsageError when the text is not a whole number from `least` up */
export function toInteger(option: string, text: string | undefined, byDefault: number, least: number): number {
  const value = text === undefined ? byDefault : Number(text.replaceAll(/[_,]/g, ''));
  if (text?.trim() === '' || !Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${option} must be a whole number from ${least} up, not ${text}`);
  }
  return value;
}

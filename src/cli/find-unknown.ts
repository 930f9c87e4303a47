import type { Command } from 'commander';

/** Whoever gives one of these is answered by commander before it looks at anything else. */
const ANSWERED_FIRST = new Set(['-h', '--help', '-V', '--version']);

/**
 * Finds the command or the option that a command line names and the program does not have. Beside `--help` or `--version`, and after
 * `help`, commander does not look for it: it shows the program's help with exit code 0, as if the word were right.
 * @param args what follows the program's name
 * @returns the shortest command line with the same mistake, on which commander names it and what comes nearest; undefined where
 *   there is none
 */
export function findUnknown(program: Command, args: readonly string[]): string[] | undefined {
  const end = args.indexOf('--');
  const words = end === -1 ? args : args.slice(0, end);
  // The program itself has no option with a value: its first word is the command.
  const at = words.findIndex((word) => !word.startsWith('-'));
  const option = unknownOption(program, at === -1 ? words : words.slice(0, at));
  if (option !== undefined) return [option];
  const name = words[at];
  if (name === undefined) return undefined;
  if (name === 'help') return findUnknown(program, words.slice(at + 1));
  const command = program.commands.find((one) => one.name() === name);
  if (command === undefined) return [name];
  const ofCommand = unknownOption(command, words.slice(at + 1));
  return ofCommand === undefined ? undefined : [name, ofCommand];
}

function unknownOption(command: Command, words: readonly string[]): string | undefined {
  let isValue = false;
  for (const word of words) {
    if (isValue || !isOption(word) || ANSWERED_FIRST.has(word)) {
      isValue = false;
      continue;
    }
    const [flag] = word.split('=', 1);
    const option = command.options.find(({ long, short }) => long === flag || short === flag);
    if (option === undefined) return word;
    isValue = option.required && flag === word;
  }
  return undefined;
}

/** Letters behind one dash may be several options, or one with its value: commander takes them apart. */
function isOption(word: string): boolean {
  return word.startsWith('--') || /^-[^-]$/.test(word);
}

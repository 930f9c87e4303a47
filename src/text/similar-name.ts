/** Longer names are not compared: the time to compare two grows with both lengths, and a caller chooses one of them. */
const MOST_LENGTH = 64;

/**
 * The known name that is probably meant by one that is not known: the same letters and digits in any case, or the nearest one of
 * which at most a third of the characters differ. Undefined where none is so near.
 */
export function similarName(name: string, known: readonly string[]): string | undefined {
  if (name.length > MOST_LENGTH) return undefined;
  const given = plain(name);
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const each of known) {
    const other = plain(each);
    const distance = editDistance(given, other);
    if (distance >= least || distance * 3 > other.length) continue;
    least = distance;
    nearest = each;
  }
  return nearest;
}

/**
 * Says of a name that it is none of the known ones, and which are.
 * @param what it is instead, such as `unknown parameter`
 * @param meant the one that is probably meant, if any is: then it alone is named
 */
export function describeUnknown(what: string, known: readonly string[], meant?: string): string {
  // Some names end in a question mark of their own.
  if (meant !== undefined) return `${what}; did you mean ${meant.replace(/\?$/, '')}?`;
  return known.length === 0 ? what : `${what}; known: ${known.join(', ')}`;
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Levenshtein's: how many characters are to be added, left out or replaced. */
function editDistance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [row, character] of [...one].entries()) {
    const here = [row + 1];
    for (let at = 0; at < other.length; at++) {
      const replaced = (above[at] ?? 0) + (other[at] === character ? 0 : 1);
      here.push(Math.min(replaced, (above[at + 1] ?? 0) + 1, (here[at] ?? 0) + 1));
    }
    above = here;
  }
  return above.at(-1) ?? 0;
}

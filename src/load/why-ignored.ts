import { EXTENSIONS } from './resource-type-of-key.ts';

/** Why an object whose key `resourceTypeOfKey` finds no type in is ignored; completes "ignored: ". */
export function whyIgnored(key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1);
  if (!EXTENSIONS.some((extension) => name.endsWith(extension))) {
    return `the name does not end in ${EXTENSIONS.join(', ')}`;
  }
  const [word] = /^[A-Za-z]\w*/.exec(name) ?? [];
  if (word === undefined) return 'the name does not begin with a letter, as that of a resource type';
  if (key.includes('\0')) return 'the key has the character U+0000, which Postgres has not';
  return `the name does not begin with a resource type that is known here: ${word}`;
}

import { textProblem } from '../text/storable-text.ts';
import { undecodableByte } from '../text/undecodable-name.ts';
import { EXTENSIONS } from './resource-type-of-key.ts';

/** Why an object whose key `resourceTypeOfKey` finds no type in is ignored; completes "ignored: ". */
export function whyIgnored(key: string): string {
  const byte = undecodableByte(key);
  if (byte !== undefined) {
    return `its name, or that of a folder above, is not UTF-8 (byte 0x${byte.toString(16).toUpperCase()}); rename it`;
  }
  const name = key.slice(key.lastIndexOf('/') + 1);
  if (!EXTENSIONS.some((extension) => name.endsWith(extension))) {
    return `the name does not end in ${EXTENSIONS.join(', ')}`;
  }
  const [word] = /^[A-Za-z]\w*/.exec(name) ?? [];
  if (word === undefined) return 'the name does not begin with a letter, as that of a resource type';
  const unstorable = textProblem(key);
  if (unstorable !== undefined) return `the key ${unstorable}`;
  return `the name does not begin with a resource type that is known here: ${word}`;
}

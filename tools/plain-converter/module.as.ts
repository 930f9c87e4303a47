// AssemblyScript, built to src/pipeline/fhir-to-aidbox/plain-converter-wasm.ts by `npm run plain-converter`.
// Converts lines that hold nothing unusual as `AidboxConverter` does; it gives up on all others.

import { INPUT, LINE, MOST_OPEN_REFERENCES, OPEN_REFERENCES, OUTPUT, RESULT, TABLES, TABLES_END } from './memory-map.as';
import { beginObjects, object } from './objects.as';
import { beginOutput, cut, out } from './output.as';
import { beginReferences, openCount } from './references.as';
import { scan } from './scan.as';
import { beginValues, skipSpace } from './values.as';

export { addEntry } from './lookup.as';

export function grow(): void {
  memory.grow(<i32>(TABLES_END >> 16) + 1);
}
export function longestLine(): u32 {
  return LINE;
}
export function input(): usize {
  return INPUT;
}
export function output(): usize {
  return OUTPUT;
}
/** Five u32: the id's place in the line [from, to), that of `meta.lastUpdated`, how many open references. */
export function result(): usize {
  return RESULT;
}
export function openReferences(): usize {
  return OPEN_REFERENCES;
}
export function mostOpenReferences(): u32 {
  return MOST_OPEN_REFERENCES;
}
export function tables(): usize {
  return TABLES;
}
export function tablesEnd(): usize {
  return TABLES_END;
}

/**
 * Converts the first `length` bytes of the input: a resource of the node `root`; `resources` has the types of those within
 * it. Gives the length of the converted text, or -1 where the line is to be converted in JS.
 */
export function convert(root: usize, resources: usize, length: u32, listsOpen: bool): i32 {
  if (!scan(length)) return -1;
  const end = INPUT + length;
  beginValues(end);
  beginOutput();
  beginReferences(listsOpen);
  beginObjects(resources);
  const open = skipSpace(INPUT);
  if (load<u8>(open) != 0x7b) return -1;
  const next = object(root, open);
  if (next == 0 || skipSpace(next) != end) return -1;
  cut(end, end);
  store<u32>(RESULT + 16, openCount);
  return <i32>(out - OUTPUT);
}

import { basename, resolve } from 'node:path';
import type { BenchData } from '../dataset/bench-data.ts';
import type { Contender } from './contender.ts';
import { jsonInsert } from './json-insert.ts';
import { loader } from './loader.ts';
import { onOwnCore } from './on-own-core.ts';
import { jqPsql } from './rivals/jq-psql.ts';
import { rivalContender } from './rivals/rival.ts';
import { serverCopy } from './server-copy.ts';

export interface ContenderData {
  mixed: BenchData;
  manyFiles: BenchData;
  oneFile: BenchData;
}

const NO_KEYS = { 'disable-idx?': true, 'drop-primary-key?': true };

/**
 * Everything that `npm run bench` can compare, in the order of its table.
 * @param trees other source trees of this project, each two contenders more
 */
export function allContenders({ mixed, manyFiles, oneFile }: ContenderData, trees: readonly string[]): Contender[] {
  const floor = 'floor';
  const floorOne = 'floor-one-type';
  const ours = loader({ name: 'ours', what: 'load-from-bucket', data: mixed, floor });
  const warm = loader({
    name: 'ours-warm',
    what: 'by a server that has loaded before',
    data: mixed,
    floor,
    warm: true,
  });
  const asItStands = loader({
    name: 'ours-as-it-stands',
    what: 'format: as-is, warm',
    data: mixed,
    floor,
    params: { format: 'as-is' },
    warm: true,
  });
  const converted = loader({
    name: 'ours-converted',
    what: 'format: fhir, warm',
    data: mixed,
    floor,
    params: { format: 'fhir' },
    rowForm: 'converted',
    warm: true,
  });
  const resolved = loader({
    name: 'ours-resolved',
    what: 'format: fhir, resolve-references?, warm',
    data: mixed,
    floor,
    params: { format: 'fhir', 'resolve-references?': true },
    rowForm: 'resolved',
    warm: true,
  });
  const lz4 = loader({ name: 'ours-lz4', what: 'lz4 instead of pglz', data: mixed, floor, compression: 'lz4' });
  const lz4NoKeys = loader({
    name: 'ours-lz4-no-keys',
    what: 'lz4, keys and indexes dropped and restored',
    data: mixed,
    floor,
    compression: 'lz4',
    params: NO_KEYS,
  });
  return [
    serverCopy(floor, mixed),
    ours,
    warm,
    ...trees.flatMap((tree) => ofTree(tree, mixed, floor)),
    asItStands,
    converted,
    resolved,
    lz4,
    loader({
      name: 'ours-no-keys',
      what: 'keys and indexes dropped and restored',
      data: mixed,
      floor,
      params: NO_KEYS,
    }),
    lz4NoKeys,
    ...[serverCopy(floor, mixed), ours, warm, asItStands, converted, resolved, lz4, lz4NoKeys].map((one) =>
      onOwnCore(one, `${floor}-own-core`),
    ),
    rivalContender(jqPsql, mixed, floor),
    jsonInsert('json-insert', mixed, floor),
    serverCopy(floorOne, manyFiles),
    loader({ name: 'ours-many-files', what: 'one type in 14 files', data: manyFiles, floor: floorOne }),
    loader({ name: 'ours-one-file', what: 'the same rows in one file', data: oneFile, floor: floorOne }),
  ];
}

/** The same of another source tree: as it is, and by the fastest way. */
function ofTree(tree: string, data: BenchData, floor: string): Contender[] {
  const name = basename(resolve(tree));
  const common = { data, floor, process: { tree } };
  return [
    loader({ ...common, name: `ours:${name}`, what: `load-from-bucket of ${tree}` }),
    loader({
      ...common,
      name: `ours-lz4-no-keys:${name}`,
      what: `lz4, keys and indexes dropped and restored, of ${tree}`,
      compression: 'lz4',
      params: NO_KEYS,
    }),
  ];
}

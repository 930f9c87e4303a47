import { dlt } from './dlt.ts';
import { duckdb } from './duckdb.ts';
import { fhirbase } from './fhirbase.ts';
import { jqPsql } from './jq-psql.ts';
import { parallelCopy, parallelCopyWithCsv } from './parallel-copy.ts';
import { pgloader } from './pgloader.ts';
import type { Rival } from './rival.ts';
import { sling } from './sling.ts';

/** Other tools for the same work, those that start from ndjson.gz first. */
export function allRivals({ python, slingProgram }: { python: string; slingProgram: string }): Rival[] {
  return [
    jqPsql,
    duckdb(python),
    fhirbase('copy'),
    fhirbase('insert'),
    parallelCopyWithCsv,
    dlt(python),
    sling(slingProgram),
    parallelCopy,
    pgloader,
  ];
}

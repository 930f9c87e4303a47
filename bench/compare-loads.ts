import type { BenchOptions } from './bench-options.ts';
import type { Contender } from './contenders/contender.ts';
import { type BenchReport, reportTable, summarize } from './report/bench-report.ts';
import { describeMachine, machine } from './report/machine.ts';
import { runRounds } from './run-rounds.ts';
import { withParts } from './with-parts.ts';

/**
 * Runs the contenders that the options ask for, interleaved.
 * @param whyNot why a contender cannot run on this machine and Postgres, or undefined
 * @throws when one loads wrong rows, or there is none of a name that was asked for
 */
export async function compareLoads(
  all: readonly Contender[],
  { only, postgres, postgresMemory, threads, rounds, megabytes, seed }: BenchOptions,
  whyNot: (contender: Contender, hasLz4: boolean) => string | undefined = () => undefined,
): Promise<BenchReport> {
  const unknown = only.filter((name) => !all.some((contender) => contender.name === name));
  if (unknown.length > 0) throw new Error(`no ${unknown}; there are ${all.map(({ name }) => name)}`);
  const wanted = only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
  return await withParts({ postgres, postgresMemory, threads }, async (parts) => {
    const skipped = Object.fromEntries(
      wanted.flatMap((contender) => {
        const reason = whyNot(contender, parts.database.hasLz4);
        return reason === undefined ? [] : [[contender.name, reason]];
      }),
    );
    const contenders = wanted.filter(({ name }) => !(name in skipped));
    const runs = await runRounds(contenders, parts, rounds);
    return {
      at: new Date().toISOString(),
      machine: machine(),
      postgres: parts.database.label,
      megabytes,
      seed,
      threads,
      rounds,
      skipped,
      results: contenders.map((contender) =>
        summarize(contender, runs.get(contender.name) ?? [], runs.get(contender.floor) ?? []),
      ),
    };
  });
}

/** Prints a report: JSON for machines, a table for people. */
export function printReport(report: BenchReport, { json }: { json: boolean }): void {
  if (json) {
    console.log(JSON.stringify(report, null, 2));
    return;
  }
  const { results, skipped, at, postgres, megabytes, threads, rounds } = report;
  console.log(`${at}: ${describeMachine(report.machine)}, ${postgres}`);
  console.log(`about ${megabytes} MB of ndjson, ${threads} files at a time, medians of ${rounds}\n`);
  console.log(`${reportTable(results)}\n`);
  for (const { name, what, rows, rawBytes } of results) {
    console.log(`${name}: ${what} (${rows.toLocaleString('en')} rows, ${(rawBytes / 1e6).toFixed(0)} MB)`);
  }
  for (const [name, reason] of Object.entries(skipped)) console.log(`${name} did not run: ${reason}`);
}

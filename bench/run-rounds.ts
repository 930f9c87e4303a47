import type { BenchDeps, Contender } from './contenders/contender.ts';
import { RowCheck, resetTables } from './postgres/resource-rows.ts';
import { cpuSeconds, familyCpuSeconds } from './process/proc-stat.ts';
import type { MeasuredRun } from './report/bench-report.ts';

/**
 * Runs every contender once a round, so that what else the machine does falls on all of them alike. Each starts with
 * empty tables and a checkpoint behind it, and its rows are checked.
 * @throws when a contender fails or loads wrong rows
 */
export async function runRounds(
  contenders: readonly Contender[],
  parts: BenchDeps,
  rounds: number,
): Promise<Map<string, MeasuredRun[]>> {
  const { client } = parts.database;
  const check = new RowCheck();
  const runs = new Map<string, MeasuredRun[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      const { name, data, compression, existing, rowForm } = contender;
      await resetTables(client, data, compression);
      if (contender.prepare !== undefined) {
        await contender.prepare(parts, data);
        await client.query('checkpoint');
      }
      const run = await measure(contender, parts, round);
      if (contender.check !== undefined) await contender.check(parts, data, name);
      else await check.check(client, existing === undefined ? [data] : [data, existing], name, rowForm);
      process.stderr.write(`round ${round}: ${name} ${run.wallS.toFixed(2)} s\n`);
      runs.get(name)?.push(run);
    }
  }
  return runs;
}

async function measure(contender: Contender, parts: BenchDeps, round: number): Promise<MeasuredRun> {
  const { database, s3 } = parts;
  const postgresCpu = () => (database.pid === undefined ? undefined : familyCpuSeconds(database.pid));
  const postgresBefore = postgresCpu();
  const s3Before = cpuSeconds(s3.pid);
  const { client } = database;
  const wal = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn');
  const figures = await contender.run(parts);
  const written = await client.query<{ bytes: number }>(
    'select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)::float8 as bytes',
    [wal.rows[0]?.lsn],
  );
  const postgresAfter = postgresCpu();
  const known = postgresBefore !== undefined && postgresAfter !== undefined;
  return {
    ...figures,
    round,
    postgresCpuS: figures.postgresCpuS ?? (known ? postgresAfter - postgresBefore : undefined),
    walBytes: written.rows[0]?.bytes ?? 0,
    s3CpuS: cpuSeconds(s3.pid) - s3Before,
  };
}

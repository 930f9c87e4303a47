import { z } from 'zod';
import { EXIT } from './exit-codes.ts';
import { type ServerClient, ServerError } from './server-client.ts';

const ratesSchema = z.looseObject({ 'bytes-per-second': z.number(), 'resources-per-second': z.number() });

/** What the command line reads of a run. */
const runSchema = z.looseObject({
  run: z.number(),
  bucket: z.string(),
  state: z.string(),
  reason: z.string().optional(),
  start: z.string(),
  'duration-ms': z.number(),
  replicas: z.number(),
  files: z.looseObject({ done: z.number(), error: z.number(), left: z.number() }),
  resources: z.number(),
  bytes: z.number(),
  'lines-left-out': z.number(),
  failures: z.array(z.looseObject({ source: z.string().optional(), code: z.string().optional(), files: z.number() })),
  rate: ratesSchema,
  'calls-count': z.number(),
  calls: z.array(
    z.looseObject({
      at: z.string(),
      caller: z.looseObject({ user: z.string().optional(), address: z.string().optional(), via: z.string() }),
      params: z.record(z.string(), z.unknown()),
      'new-files-count': z.number(),
    }),
  ),
  curve: z
    .looseObject({ 'seconds-per-point': z.number(), points: z.array(ratesSchema.extend({ second: z.number() })) })
    .optional(),
});
export type Run = z.infer<typeof runSchema>;
export type Call = Run['calls'][number];

const answerSchema = z.looseObject({ runs: z.array(runSchema), 'next-before': z.number().optional() });

/** Most runs asked for at once. */
const PAGE_SIZE = 100;

/** The latest runs of a bucket, or of all, at most `limit`, a page at a time; or the one with this number. */
export async function* readRuns(
  client: ServerClient,
  { bucket, run, limit }: { bucket?: string | undefined; run?: number | undefined; limit: number },
): AsyncGenerator<Run[]> {
  let before: number | undefined;
  for (let left = limit; left > 0; ) {
    const page = run === undefined ? { bucket, before, limit: Math.min(left, PAGE_SIZE) } : { run };
    const parsed = answerSchema.safeParse(await client.rpc('fhir-bucket-loader/history', page));
    if (!parsed.success) {
      throw new ServerError('The history is not one that this version of the command line knows.', false);
    }
    yield parsed.data.runs;
    left -= parsed.data.runs.length;
    before = parsed.data['next-before'];
    if (before === undefined) return;
  }
}

/** What a run means to a script; one in progress does not count as a failure. */
export function exitCodeOfRun({ state, files, 'lines-left-out': linesLeftOut }: Run): number {
  if (state === 'in-progress') return EXIT.ok;
  if (state !== 'completed') return EXIT.interrupted;
  if (files.error > 0) return EXIT.failedFiles;
  return linesLeftOut > 0 ? EXIT.linesLeftOut : EXIT.ok;
}

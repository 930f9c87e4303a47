import { z } from 'zod';
import { EXIT } from './exit-codes.ts';
import { type ServerClient, ServerError } from './server-client.ts';

/** What the command line reads of a verbose status answer. */
const statusSchema = z.looseObject({
  state: z.string(),
  progress: z.object({ total: z.number() }).catchall(z.number()),
  'lines-left-out': z.number().optional(),
  message: z.string().optional(),
  watch: z
    .looseObject({
      every: z.string(),
      'next-listing-at': z.string(),
      failures: z.number().default(0),
      message: z.string().optional(),
    })
    .optional(),
  bytes: z.looseObject({ total: z.number(), done: z.number() }),
  resources: z.looseObject({ loaded: z.number() }),
  rate: z.looseObject({ 'bytes-per-second': z.number(), 'resources-per-second': z.number() }),
  'eta-seconds': z.number().optional(),
  types: z.array(
    z.looseObject({
      type: z.string(),
      files: z.number(),
      done: z.number(),
      error: z.number(),
      bytes: z.number(),
      resources: z.number(),
    }),
  ),
  files: z.array(
    z.looseObject({ id: z.string(), file: z.string(), size: z.number(), bytes: z.number(), resources: z.number() }),
  ),
  errors: z.array(z.looseObject({ id: z.string(), file: z.string(), message: z.string() })),
  indexes: z.array(z.looseObject({ table: z.string(), index: z.string(), message: z.string().optional() })),
});
export type LoadStatus = z.infer<typeof statusSchema>;

/** @throws ServerError when the answer is of another kind of server */
export function parseStatus(answer: unknown): LoadStatus {
  const parsed = statusSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new ServerError('The status answer is not one that this version of the command line knows.', false);
}

/** Asks how far a bucket is. */
export async function readStatus(client: ServerClient, bucket: string, signal?: AbortSignal): Promise<LoadStatus> {
  const method = 'aidbox.bulk/load-from-bucket-status';
  return parseStatus(await client.rpc(method, { bucket, verbose: true }, signal));
}

/** What a status means to a script. */
export function exitCodeOf({ state, progress, 'lines-left-out': linesLeftOut = 0 }: LoadStatus): number {
  if (state === 'interrupted') return EXIT.interrupted;
  if (state !== 'completed') return EXIT.ok;
  if ((progress['error'] ?? 0) > 0) return EXIT.failedFiles;
  return linesLeftOut > 0 ? EXIT.linesLeftOut : EXIT.ok;
}

import type { DataOptions } from './command-line.ts';
import { type BucketFill, fillBucket } from './fill-bucket.ts';
import { formatCount, formatMegabytes } from './format.ts';
import { ProgressLine } from './progress-line.ts';
import type { DemoAccount } from './s3-endpoint.ts';

/** Fills a bucket and shows how far it is, and at the end what is in there. Throws what `fillBucket` throws. */
export async function fillWithProgress(
  account: DemoAccount,
  bucket: string,
  { resources, seed }: DataOptions,
  signal: AbortSignal,
): Promise<BucketFill> {
  const progress = new ProgressLine();
  const started = performance.now();
  const onProgress = (filled: BucketFill, files: number) => {
    const left = ((performance.now() - started) * (resources - filled.resources)) / Math.max(1, filled.resources);
    // The first file says nothing of the others.
    const estimate = left > 0 && filled.resources >= resources / 10 ? `, about ${Math.ceil(left / 1_000)} s left` : '';
    progress.show(
      `Generating FHIR data: ${formatCount(filled.resources)} resources, ${filled.files} of ${files} files${estimate}`,
    );
  };
  const filled = await fillBucket({ account, bucket, resources, seed, signal, onProgress }).finally(() =>
    progress.end(),
  );
  const sizes = `${formatMegabytes(filled.rawBytes)} of ndjson, ${formatMegabytes(filled.gzipBytes)} gzipped`;
  process.stdout.write(
    `s3://${bucket} at ${account.host}: ${filled.byType.size} resource types, ${sizes}, seed ${seed}\n`,
  );
  return filled;
}

import type { TestServer } from '../../support/test-server.ts';

const OPTIONS = { 'upsert?': false, 'disable-idx?': false, 'drop-primary-key?': false };

/** Puts a load into the database as if it had run: its call, and `files` LoaderFiles, each with what `resource` says of the n-th. */
export async function seedLoad(
  { sql }: Pick<TestServer, 'sql'>,
  bucket: string,
  files: number,
  resource = `{"status": "done", "loaded": 10}`,
): Promise<void> {
  const name = `s3://${bucket}`;
  await sql('insert into fhir_bucket_loader.bucket_load (bucket, options) values ($1, $2)', [name, OPTIONS]);
  await sql(
    `insert into loaderfile (id, txid, resource_type, status, resource)
     select $1 || '-' || n, 1, 'LoaderFile', 'created',
            jsonb_build_object('bucket', $1::text, 'type', 'Patient', 'size', 1000000,
                               'file', 'export/Patient-' || lpad(n::text, 6, '0') || '.ndjson.gz',
                               'start', '2026-01-31T12:00:00.000Z', 'end', '2026-01-31T12:00:05.000Z') || $3::jsonb
       from generate_series(1, $2::int) n`,
    [name, files, resource],
  );
}

/** Turns every `nth` file of a load into a failed one. */
export async function failFiles(
  { sql }: Pick<TestServer, 'sql'>,
  bucket: string,
  nth: number,
  failure: { code: string; source: string; message: string },
): Promise<void> {
  const { code, source, message } = failure;
  await sql(
    `update loaderfile set resource = resource - 'loaded' || $3
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'
        and substring(resource ->> 'file' from '\\d+')::int % $2::int = 0`,
    [`s3://${bucket}`, nth, { status: 'error', message, error: { code, source } }],
  );
}

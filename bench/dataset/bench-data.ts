/** One object of a bench's bucket, and where its forms lie on disk. */
export interface BenchFile {
  /** Key in the bucket. */
  readonly key: string;
  readonly type: string;
  readonly rows: number;
  /** Size of the ndjson, in bytes. */
  readonly rawBytes: number;
  /** Size of the object, in bytes. */
  readonly gzipBytes: number;
  /** The object itself. */
  readonly gzipPath: string;
  /** The same rows as a file for `COPY … (FORMAT binary)`; there once `prepareCopyFiles` has made it. */
  readonly copyPath: string;
}

/** A bucket's worth of files. Its name is the bucket's. */
export interface BenchData {
  readonly name: string;
  readonly files: readonly BenchFile[];
}

/** Sum over a bucket's files. */
export function total(data: BenchData, field: 'rows' | 'rawBytes' | 'gzipBytes'): number {
  return data.files.reduce((sum, file) => sum + file[field], 0);
}

/** The types of a bucket, each once. */
export function typesOf(data: BenchData): string[] {
  return [...new Set(data.files.map((file) => file.type))];
}

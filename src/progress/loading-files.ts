import type { ReplicaProgress } from '../store/bucket-load/replica-progress.ts';
import type { LoaderFile } from '../store/loader-file/loader-file.ts';

/**
 * What an attempt at a file is at: connecting and waiting for locks and the first bytes; reading and writing rows; all bytes are
 * there, the last rows are written and committed.
 */
export type FileStage = 'starting' | 'loading' | 'committing';

/** A file in flight, as a report shows it; wire names. */
export interface LoadingFile {
  id: string;
  file: string;
  type: string;
  size: number;
  bytes: number;
  resources: number;
  start: string;
  stage: FileStage;
  /** Host name of the replica that loads it; absent until it has reported. */
  replica?: string;
}

/** The files in flight, with what their replicas have reported of them. */
export function loadingFiles(
  files: readonly (LoaderFile & { id: string })[],
  replicas: readonly ReplicaProgress[],
): LoadingFile[] {
  const progress = new Map(replicas.flatMap((replica) => Object.entries(replica.files)));
  return files.map(({ id, file = '', type = '', size = 0, start = '' }) => {
    const { bytes = 0, rows = 0, replica } = progress.get(id) ?? {};
    const stage = stageOf(bytes, size);
    return {
      id,
      file,
      type,
      size,
      bytes,
      resources: rows,
      start,
      stage,
      ...(replica === undefined ? {} : { replica }),
    };
  });
}

function stageOf(bytes: number, size: number): FileStage {
  if (bytes === 0) return 'starting';
  return bytes < size ? 'loading' : 'committing';
}

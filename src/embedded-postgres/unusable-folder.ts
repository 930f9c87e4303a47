import { StartError } from '../errors/start-error.ts';

/**
 * A data folder that cannot be used, with what to set.
 * @param what with the folder's path, as the beginning of a sentence
 */
export function unusableFolder(what: string, cause: unknown): StartError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartError(
    `${what}: ${reason}. Set DATABASE_URL to a Postgres, or LOADER_DATA_FOLDER to a folder that this user may write to.`,
    { cause },
  );
}

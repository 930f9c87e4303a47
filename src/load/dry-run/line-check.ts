/** What reading all lines has shown; wire names. All are counted, and at most 100 named of each kind. */
export interface LineCheck {
  /** Files read. */
  files: number;
  /** Lines that would become rows; those of files of deletions do not. */
  resources: number;
  /** Of ndjson, unpacked. */
  bytes: number;
  'bad-lines-count': number;
  'bad-lines': { file: string; line: number; code: string; message: string }[];
  /** Files that cannot be read to their end. */
  'unreadable-files-count': number;
  'unreadable-files': { file: string; message: string; error: { source: string; code: string } }[];
  /**
   * Files that would fail for what was found: unreadable, or with more bad lines than `max-errors`. A line is also bad whose id stands
   * before: in the file or, without `upsert?`, in one listed earlier that does not fail by itself. Without primary keys, none is for that.
   */
  'files-to-fail-count': number;
  'ids-in-two-files-count': number;
  /** Those that stand in two files as well are in both counts. */
  'ids-twice-in-one-file-count': number;
  'repeated-ids-count': number;
  'repeated-ids': PlacedId[];
}

/** An id that stands more than once, with its first places. */
export interface PlacedId {
  type: string;
  id: string;
  places: { file: string; line: number }[];
}

/** What the order of files depends on, where references are resolved. */
export interface ResolvingState {
  /** The files of the bucket that are done, by type, as of the last look. */
  readonly doneFiles: Readonly<Record<string, number>>;
  /** Types that had unfinished files then, on any replica. */
  readonly unfinishedTypes: readonly string[];
  /** The stage whose files are loaded. */
  readonly stage: number;
  /** Whether all stages wait for each other: a file was begun too early. */
  readonly isStrict: boolean;
}

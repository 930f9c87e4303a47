const CODES = { damaged: 'Z_DATA_ERROR', 'cut short': 'Z_BUF_ERROR' } as const;

/** What is wrong with gzip data, with zlib's code and in its words. */
export class GzipError extends Error {
  override readonly name = 'GzipError';
  readonly code: 'Z_DATA_ERROR' | 'Z_BUF_ERROR';

  constructor(kind: keyof typeof CODES, message: string) {
    super(message);
    this.code = CODES[kind];
  }
}

import type { Readable } from 'node:stream';

const MOST_CHARACTERS = 4_000;

/** Collects what streams say. @returns a function that returns the end of it */
export function cappedText(streams: readonly (Readable | null)[]): () => string {
  let text = '';
  for (const stream of streams) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-MOST_CHARACTERS);
    });
  }
  return () => text;
}

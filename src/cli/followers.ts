import type { LoadStatus } from './load-status.ts';
import { printJson, printLines } from './print-lines.ts';
import { Screen } from './screen.ts';
import { statusBlock, statusLine } from './status-text.ts';

/** Shows a load that is being followed. */
export interface Follower {
  /** A new status. */
  show(status: LoadStatus): void;
  /** A note beside the statuses: the server is unreachable for a moment. */
  note(text: string): void;
  /** The last words. */
  end(status: LoadStatus, lines: readonly string[]): void;
}

/** Most time between two lines that say nothing new, in ms. A load that has just begun prints more often. */
const QUIET_MS = 10_000;

/** The follower that fits: JSON where it is asked for, a block drawn again on a terminal, else plain lines. */
export function followerFor(bucket: string, json: boolean, out: NodeJS.WriteStream = process.stdout): Follower {
  if (json) return jsonFollower(out);
  return out.isTTY ? screenFollower(bucket, new Screen(out)) : lineFollower(out);
}

function jsonFollower(out: NodeJS.WritableStream): Follower {
  const show = (status: LoadStatus) => printJson(status, out);
  return { show, note: (text) => printLines([text], process.stderr), end: show };
}

function screenFollower(bucket: string, screen: Screen): Follower {
  const failed = new NewFailures();
  return {
    show(status) {
      const news = failed.of(status);
      if (news.length > 0) screen.print(news);
      screen.draw(statusBlock(bucket, status, screen.columns));
    },
    note: (text) => screen.draw([text]),
    end: (status, lines) => screen.print([...statusBlock(bucket, status, screen.columns), ...lines]),
  };
}

function lineFollower(out: NodeJS.WritableStream): Follower {
  const failed = new NewFailures();
  const started = performance.now();
  let writtenAt = started;
  let state = '';
  const write = (text: string) => printLines([`${new Date().toISOString()} ${text}`], out);
  return {
    show(status) {
      for (const line of failed.of(status)) write(line);
      const quiet = Math.min(QUIET_MS, (writtenAt - started) / 2);
      if (status.state === state && performance.now() - writtenAt < quiet) return;
      ({ state } = status);
      writtenAt = performance.now();
      write(statusLine(status));
    },
    note: write,
    end(status, lines) {
      write(statusLine(status));
      printLines(lines, out);
    },
  };
}

/** Reports each failed file once. */
class NewFailures {
  readonly #told = new Set<string>();

  of({ errors }: LoadStatus): string[] {
    const news = errors.filter(({ id }) => !this.#told.has(id));
    for (const { id } of news) this.#told.add(id);
    return news.map(({ file, message }) => `failed: ${file}: ${message}`);
  }
}

/** CPU time of one file in one place, in s: of the file itself, and of each MB of its ndjson. */
export interface Cost {
  readonly perFile: number;
  readonly perMegabyte: number;
}

/** Where a file costs CPU time, each place with servers that work on one file at a time. */
export interface Place extends Cost {
  readonly servers: number;
}

/** What a simulated load comes to. */
export interface SimulatedLoad {
  readonly filesPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Part of the time in which each place's servers work, from 0 to 1, in the order of the places. */
  readonly busy: readonly number[];
}

/** Files that a simulation loads in each slot, and the ndjson that passes all places before the next does, in MB. */
const FILES_PER_SLOT = 40;
const SLICE_MEGABYTES = 1;

/**
 * Loads files of one size in so many slots: each goes through all places, slice by slice, and waits where all servers of a place
 * work for others, first come, first served.
 */
export function simulateSlots(slots: number, megabytes: number, places: readonly Place[]): SimulatedLoad {
  const slices = Math.max(1, Math.ceil(megabytes / SLICE_MEGABYTES));
  const visits = FILES_PER_SLOT * slices * places.length;
  const seconds = places.map(({ perFile, perMegabyte }) => (perFile + perMegabyte * megabytes) / slices);
  const freeAt = places.map(({ servers }) => Array.from({ length: servers }, () => 0));
  const worked = places.map(() => 0);
  const queue = Array.from({ length: slots }, () => ({ at: 0, visit: 0 }));
  let end = 0;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const place = next.visit % places.length;
    const servers = freeAt[place] ?? [];
    const first = servers.indexOf(Math.min(...servers));
    const done = Math.max(next.at, servers[first] ?? 0) + (seconds[place] ?? 0);
    servers[first] = done;
    worked[place] = (worked[place] ?? 0) + (seconds[place] ?? 0);
    end = Math.max(end, done);
    if (next.visit + 1 === visits) continue;
    const later = { at: done, visit: next.visit + 1 };
    const behind = queue.findIndex(({ at }) => at > done);
    queue.splice(behind < 0 ? queue.length : behind, 0, later);
  }
  const files = slots * FILES_PER_SLOT;
  return {
    filesPerSecond: files / end,
    megabytesPerSecond: (files * megabytes) / end,
    busy: worked.map((time, place) => time / end / (places[place]?.servers ?? 1)),
  };
}

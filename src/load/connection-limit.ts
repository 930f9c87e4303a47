/** Connections left to claims, statuses and calls, which go through the pool of the main thread; those that it has open count. */
const SPARE = 2;

/**
 * How many connections a load's files may use: what the server, the database and the role have room for, as counted and
 * as refused (53300, too_many_connections). Other replicas and other programs take from the same.
 */
export interface ConnectionLimit {
  /** At least 1. */
  readonly most: number;
  /** What the last count allowed. */
  readonly counted: number;
  /** Whether a connection was refused since the last count. */
  readonly refused: boolean;
  /** Whether one was ever refused: a count that allows more is then not believed at once. */
  readonly distrusted: boolean;
}

/** Before the first count. */
export const NO_LIMIT: ConnectionLimit = { most: Infinity, counted: Infinity, refused: false, distrusted: false };

/**
 * @param free connections that the server would still accept
 * @param used connections of the load's files
 */
export function afterCount(limit: ConnectionLimit, free: number, used: number): ConnectionLimit {
  const counted = Math.max(1, used + free - SPARE);
  // After a refusal one more for each count without another one: the limit may be a pooler's, which no count shows.
  const trusted = limit.refused ? limit.most : limit.distrusted ? limit.most + 1 : counted;
  return { ...limit, most: Math.min(counted, trusted), counted, refused: false };
}

/** @param used connections of the load's files that were not refused */
export function afterRefusal(limit: ConnectionLimit, used: number): ConnectionLimit {
  return { ...limit, most: Math.max(1, Math.min(limit.most, used)), refused: true, distrusted: true };
}

/** Every connection of this process's pool stayed in use: Postgres is there, and this process has more to ask than it answers. */
export class PoolBusy extends Error {
  override readonly name = 'PoolBusy';

  /** @param ms how long a free one was waited for */
  constructor(connections: number, ms: number) {
    super(`the server's connections to Postgres, ${connections}, have all been in use for ${ms / 1000} s`);
  }
}

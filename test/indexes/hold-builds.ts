import pg from 'pg';
import type { Closing } from '../support/last-first.ts';
import { lockWaitsOn } from '../support/lock-waits.ts';
import type { TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

export interface HeldBuilds {
  /** Waits until this many builds are held. */
  reached(count: number): Promise<void>;
  open(): Promise<void>;
}

/** Holds every CREATE INDEX of a server's database from now on, as if the tables were huge, until `open` is called. */
export async function holdBuilds(t: Closing, { sql, database }: TestServer): Promise<HeldBuilds> {
  await sql(`
    create table if not exists builds ();
    create or replace function hold_build() returns event_trigger language plpgsql as
      $$ begin lock table builds in share mode; end $$;
    drop event trigger if exists hold_builds;
    create event trigger hold_builds on ddl_command_start when tag in ('CREATE INDEX') execute function hold_build()`);
  const holder = new pg.Client(database.connection);
  holder.on('error', () => {});
  await holder.connect();
  t.after(() => holder.end());
  await holder.query('begin; lock table builds in exclusive mode');
  const held = lockWaitsOn('builds');
  return {
    async reached(count) {
      await waitFor(async () => (await sql(held)).length >= count, { what: `${count} builds` });
    },
    async open() {
      await holder.query('rollback');
    },
  };
}

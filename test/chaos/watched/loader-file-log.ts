import type pg from 'pg';

/**
 * Has Postgres write down, in the transaction that does it, each time a LoaderFile becomes `done` and each time an object is
 * queued. A file that has waited for another one's rows is done after it, so the order is that in which rows were written.
 */
export async function logLoaderFiles(pool: pg.Pool): Promise<void> {
  await pool.query(`
    create table chaos_log (n bigserial primary key, what text not null, loader_file text not null, resource jsonb not null);
    create index on chaos_log ((resource ->> 'bucket'));
    create function chaos_log() returns trigger language plpgsql as $$
    begin
      if tg_op = 'INSERT' or new.resource ->> 'etag' is distinct from old.resource ->> 'etag' then
        insert into chaos_log (what, loader_file, resource) values ('queued', new.id, new.resource);
      end if;
      if new.resource ->> 'status' = 'done' and (tg_op = 'INSERT' or old.resource ->> 'status' <> 'done') then
        insert into chaos_log (what, loader_file, resource) values ('done', new.id, new.resource);
      end if;
      return null;
    end $$;
    create trigger chaos_log after insert or update on loaderfile for each row execute function chaos_log()`);
}

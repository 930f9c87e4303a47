import type pg from 'pg';
import type { Queryable } from './query.ts';
import { qualifiedName, type ResourceTable } from './resource-tables.ts';
import { ask, type Statement, Statements } from './statement.ts';

/** A column as Postgres describes it. */
export interface Column {
  name: string;
  /** As declared, a domain by its name. */
  declared: string;
  /** What a domain stands on in the end; as `declared` for any other type. */
  type: string;
  required: boolean;
  hasDefault: boolean;
  generated: boolean;
  /** Takes the loader's values only by OVERRIDING, which `upsert?` does not say. */
  alwaysIdentity: boolean;
  /** False where the collation takes different texts for equal. */
  deterministic: boolean;
  /** Of an enum. */
  labels: string[];
}

/** A table, or whatever else goes by its name. */
export interface Relation {
  kind: string;
  unlogged: boolean;
  foreign: boolean;
  secured: boolean;
  /** Whether others inherit from it, which are no partitions. */
  inherited: boolean;
  /** Names of rules that an INSERT would apply, and COPY does not. */
  insertRules: string[];
  columns: Column[];
}

/** Whether a unique index on `id` alone covers every row. */
export async function hasUniqueId(db: Queryable, table: ResourceTable): Promise<boolean> {
  return await ask(db, uniqueIdStatement(table));
}

/** That of `hasUniqueId`. */
export function uniqueIdStatement(table: ResourceTable): Statement<boolean> {
  return {
    text: `select from pg_index x join pg_attribute a on a.attrelid = x.indrelid and a.attname = 'id'
      where x.indrelid = $1::regclass and x.indisunique and x.indisvalid and x.indpred is null
        and x.indnkeyatts = 1 and x.indkey[0] = a.attnum`,
    values: [qualifiedName(table)],
    read: ({ rowCount }) => rowCount !== 0,
  };
}

/** What Postgres says of a table. */
export async function describeTable(db: Queryable, table: ResourceTable): Promise<Relation> {
  const statements = new Statements();
  const described = statements.add(relationStatement(table));
  const columns = statements.add(columnsStatement(table));
  await statements.send(db);
  return { ...described(), columns: columns() };
}

function relationStatement(table: ResourceTable): Statement<Omit<Relation, 'columns'>> {
  return {
    text: `select c.relkind as kind, row_security_active(c.oid) as secured,
            coalesce(bool_or(part.relpersistence <> 'p'), c.relpersistence <> 'p') as unlogged,
            coalesce(bool_or(part.relkind = 'f'), false) as foreign,
            array(select rulename::text from pg_rewrite
                   where ev_class = c.oid and ev_type = '3' and ev_enabled in ('O', 'A') order by 1) as "insertRules",
            c.relkind = 'r' and exists (select from pg_inherits where inhparent = c.oid) as inherited
       from pg_class c
       left join pg_partition_tree(c.oid) tree on true left join pg_class part on part.oid = tree.relid
      where c.oid = $1::regclass group by c.oid, c.relkind, c.relpersistence`,
    values: [qualifiedName(table)],
    read: ({ rows: [relation] }: pg.QueryResult<Omit<Relation, 'columns'>>) => {
      if (relation === undefined) throw new Error(`${qualifiedName(table)} is gone`);
      return relation;
    },
  };
}

function columnsStatement(table: ResourceTable): Statement<Column[]> {
  return {
    text: `with recursive base (attnum, oid, typmod) as (
       select attnum, atttypid, atttypmod from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and not attisdropped
       union all
       select b.attnum, d.typbasetype, d.typtypmod from base b join pg_type d on d.oid = b.oid and d.typtype = 'd'
     )
     select a.attname as name, format_type(a.atttypid, a.atttypmod) as declared, format_type(b.oid, b.typmod) as type,
            a.attnotnull as required, a.attgenerated <> '' as generated, a.attidentity = 'a' as "alwaysIdentity",
            a.atthasdef or a.attidentity <> '' or declared.typdefault is not null as "hasDefault",
            coalesce(c.collisdeterministic, true) as deterministic,
            array(select enumlabel::text from pg_enum where enumtypid = b.oid) as labels
       from base b
       join pg_type t on t.oid = b.oid and t.typtype <> 'd'
       join pg_attribute a on a.attrelid = $1::regclass and a.attnum = b.attnum
       join pg_type declared on declared.oid = a.atttypid
       left join pg_collation c on c.oid = a.attcollation
      order by a.attnum`,
    values: [qualifiedName(table)],
    read: ({ rows }: pg.QueryResult<Column>) => rows,
  };
}

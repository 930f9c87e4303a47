import { BASE, type NightlyBucket, type ObjectVersion } from './nightly-bucket.ts';

/** A version of a resource: its status, and what it says. */
export type Version = `${'created' | 'updated' | 'recreated' | 'deleted'} ${string}`;

/** What the tables must have, by id. */
export interface Rebuilt {
  rows: Map<string, Version>;
  /** The earliest first. */
  history: Map<string, Version[]>;
  /** Of each file, in the order in which they were done: what its LoaderFile must count. */
  counts: Record<string, number>[];
}

/** Rebuilds rows and history from nothing but the versions that were done, in their order; written apart from the loader. */
export function rebuild({ base }: NightlyBucket, done: readonly ObjectVersion[]): Rebuilt {
  const rows = new Map<string, Version>(base.map((id) => [id, `created ${BASE}`]));
  const history = new Map<string, Version[]>();
  const keep = (id: string, version: Version) => history.set(id, [...(history.get(id) ?? []), version]);
  const counts = done.map(({ resources, deletes = [] }) => {
    if (resources === undefined) return applyDeletes(deletes);
    const count = { created: 0, updated: 0, unchanged: 0, loaded: resources.size };
    for (const [id, content] of resources) count[write(id, content)]++;
    return count;
  });
  return { rows, history, counts };

  function write(id: string, content: string): 'created' | 'updated' | 'unchanged' {
    const former = rows.get(id);
    if (former === undefined) {
      const wasDeleted = history.get(id)?.some((version) => version.startsWith('deleted ')) ?? false;
      rows.set(id, `${wasDeleted ? 'recreated' : 'created'} ${content}`);
      return 'created';
    }
    if (contentOf(former) === content) return 'unchanged';
    keep(id, former);
    rows.set(id, `updated ${content}`);
    return 'updated';
  }

  function applyDeletes(ids: readonly string[]): Record<string, number> {
    const count = { loaded: 0, deleted: 0, missing: 0 };
    for (const id of ids) {
      const former = rows.get(id);
      if (former === undefined) {
        count.missing++;
        continue;
      }
      count.deleted++;
      keep(id, former);
      keep(id, `deleted ${contentOf(former)}`);
      rows.delete(id);
    }
    return count;
  }
}

function contentOf(version: Version): string {
  return version.slice(version.indexOf(' ') + 1);
}

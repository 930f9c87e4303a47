import { hasFirstClassExtensions } from '../store/has-first-class-extensions.ts';
import type { Queryable } from '../store/query.ts';

/** What a load with `format: fhir` should know of the database; undefined where there is nothing to know. */
export async function conversionNote(db: Queryable): Promise<string | undefined> {
  if (!(await hasFirstClassExtensions(db))) return undefined;
  return (
    'This database has first-class extensions (Attribute resources with an extensionUrl); the loader does not apply them: ' +
    'such extensions stay under extension.'
  );
}

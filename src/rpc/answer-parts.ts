import { z } from 'zod';

/** A number of something, in an answer. */
export const count = (what: string) => z.int().min(0).describe(what);

/** What an answer says to people. */
export const message = z.string().describe('For people; programs read the other members.');

/** How many files a bucket has. */
export const progress = z
  .strictObject({ total: count('LoaderFiles of the bucket.') })
  .catchall(z.int())
  .describe(
    'Files by status: `pending`, `in-progress`, `done`, `error`; a status that no file has is absent. Only `total` in the answer to a load.',
  );

/** References that were not resolved. */
export const stayed = {
  unresolved: countsByType(
    'References that match nothing, by the type they name; `urn:uuid` for those that name none.',
  ),
  ambiguous: countsByType('References that match several resources, by type; they stay as they are.'),
};

function countsByType(what: string) {
  return z.record(z.string(), z.int().min(1)).describe(what);
}

/**
 * Whether a file lists deleted resources, where a load applies deletions: a FHIR Bulk Data export puts them, as transaction
 * Bundles of deletes, into files of their own. In a folder `deleted`, whatever the type in the name, or of type Bundle.
 */
export function isDeletionFile({ key, type }: { key: string; type: string }): boolean {
  return type === 'Bundle' || /(?:^|\/)deleted\//.test(key);
}

import type { ReferenceCounts } from '../fhir/reference-target.ts';

/** What a load should say of references that stayed as they were; undefined where none did. */
export function referencesNote({ unresolved, ambiguous }: ReferenceCounts): string | undefined {
  const kinds = [...describe(unresolved, 'match nothing'), ...describe(ambiguous, 'match several resources')];
  if (kinds.length === 0) return undefined;
  return `References that stayed as uri: ${kinds.join('; ')}. Once what they mean is there, fhir-bucket-loader/resolve resolves them.`;
}

function describe(counts: Readonly<Record<string, number>>, why: string): string[] {
  const types = Object.entries(counts);
  if (types.length === 0) return [];
  return [`${types.map(([type, count]) => `${count} to ${type}`).join(', ')} ${why}`];
}

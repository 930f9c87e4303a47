import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';

/** Fhirbase's loader. Its tables have the form of Aidbox's, of which it is the forerunner, and it converts references in its own way. */
export function fhirbase(mode: 'copy' | 'insert'): Rival {
  return {
    name: `fhirbase-${mode}`,
    what: `fhirbase load --mode ${mode}, from local files`,
    rowForm: 'fhirbase',
    whyNot: () => (starts('fhirbase', '--version') ? undefined : 'fhirbase is not installed'),
    commands: {
      each: ({ gzipPath }, { database: { address } }) => ({
        program: 'fhirbase',
        args: [
          ...['--nostats', '--host', address.host, '--port', String(address.port), '--username', address.user],
          ...['--db', address.database, '--fhir', '4.0.0', 'load', '--mode', mode, gzipPath],
        ],
      }),
    },
  };
}

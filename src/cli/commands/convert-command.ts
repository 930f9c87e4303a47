import { createReadStream } from 'node:fs';
import { Command, Option } from 'commander';
import { FHIR_VERSIONS, type FhirVersion } from '../../fhir/fhir-versions.ts';
import { FHIR_RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import { DIRECTIONS, type Direction, LineConverter } from '../../pipeline/convert-line.ts';
import { convertFile } from '../convert-file.ts';
import { CliError, EXIT } from '../exit-codes.ts';

interface ConvertOptions {
  to: Direction;
  fhirVersion: FhirVersion;
  plainExtensions?: boolean;
  type?: string;
}

const EXAMPLES = `
The lines that it writes may be loaded: what is in Aidbox's form already stays as it is. Bad lines go to standard error.

Examples:
  $ fhir-bucket-loader convert Patient.000.ndjson.gz | head -1
  $ fhir-bucket-loader convert Observation.ndjson --fhir-version r5 > Observation.aidbox.ndjson
  $ fhir-bucket-loader convert Observation.aidbox.ndjson --to fhir`;

/** `convert file`: what a load would store, line by line, without a server. */
export function convertCommand(): Command {
  return new Command('convert')
    .description('Show what a load would store of a file, or convert stored resources back to FHIR. Needs no server.')
    .argument('<file>', 'an .ndjson, .ndjson.gz or .ndjson.zst file on this machine')
    .addOption(
      new Option('--to <form>', 'aidbox, as a load does, or back to fhir').choices(DIRECTIONS).default('aidbox'),
    )
    .addOption(
      new Option('--fhir-version <version>', 'the FHIR version of the resources')
        .choices(FHIR_VERSIONS)
        .env('FHIR_VERSION')
        .default('r4'),
    )
    .option('--plain-extensions', 'as a server with BOX_FHIR_CORRECT_AIDBOX_FORMAT=false does')
    .option('--type <type>', "the resource type; otherwise the one that the file's name begins with")
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, options: ConvertOptions) => {
      const { to, fhirVersion, plainExtensions = false } = options;
      const converter = new LineConverter({ to, fhirVersion, convertExtensions: !plainExtensions });
      let bad = 0;
      const lines = convertFile(createReadStream(path), converter, options.type ?? typeOf(path), (error) => {
        bad++;
        process.stderr.write(`${error.message}\n`);
      });
      try {
        for await (const text of lines) {
          if (!process.stdout.write(`${text}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
        }
      } catch (error) {
        throw new CliError(EXIT.usage, `${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (bad > 0) process.exitCode = EXIT.failedFiles;
    });
}

/** The type whose name the file's begins with. */
function typeOf(path: string): string {
  const [letters = ''] = /^[A-Za-z]*/.exec(path.slice(path.lastIndexOf('/') + 1)) ?? [];
  return FHIR_RESOURCE_TYPES.find((type) => type.toLowerCase() === letters.toLowerCase()) ?? letters;
}

import type { FhirVersion } from '../fhir/fhir-versions.ts';
import type { Format } from '../fhir/resource-format.ts';
import { NodeCompiler } from './fhir-to-aidbox/compile-nodes.ts';
import { FhirToAidboxTransform } from './fhir-to-aidbox/fhir-to-aidbox-transform.ts';
import { DEFINITIONS } from './fhir-to-aidbox/fhir-version.ts';
import { PlainConverter } from './fhir-to-aidbox/plain-converter.ts';
import { IdentityTransform } from './identity-transform.ts';
import { PlainRowModule } from './plain-row-module.ts';
import type { KnownReferences, LineTransform } from './transform.ts';

/** How a file's lines become rows. Plain data: it crosses to a worker thread. */
export interface TransformOptions {
  format: Format;
  /** Of the files' resources; of no account as they are. */
  fhirVersion: FhirVersion;
  /** Whether `value[x]` of extensions is converted too. */
  convertExtensions: boolean;
  /** Whether `meta.lastUpdated` becomes the row's `ts`. */
  keepLastUpdated: boolean;
  /** Whether a line without it is bad. */
  requireLastUpdated?: boolean;
}

/** Makes transforms, and keeps between files what a FHIR version's definitions were compiled to. */
export class Transforms {
  readonly #compilers = new Map<string, NodeCompiler>();
  readonly #plainConverters = new Map<NodeCompiler, PlainConverter>();
  /** Makes the rows of lines that are stored as they stand; where nobody sets it, it is created when it is needed. */
  plainRowModule: PlainRowModule | undefined;

  /**
   * @param resourceType the type that the file's name promises, in FHIR's spelling
   * @param references what its open references mean; without it they stay as they are
   */
  create(options: TransformOptions, resourceType: string, references?: KnownReferences): LineTransform {
    switch (options.format) {
      case 'as-is':
        this.plainRowModule ??= new PlainRowModule();
        return new IdentityTransform(resourceType, this.plainRowModule);
      case 'fhir':
        return new FhirToAidboxTransform({
          resourceType,
          compiler: this.compiler(options),
          plainConverter: this.#plainConverter(this.compiler(options)),
          keepLastUpdated: options.keepLastUpdated,
          requireLastUpdated: options.requireLastUpdated,
          references,
        });
    }
  }

  /** The nodes of a FHIR version. */
  compiler({
    fhirVersion,
    convertExtensions,
  }: Pick<TransformOptions, 'fhirVersion' | 'convertExtensions'>): NodeCompiler {
    const key = `${fhirVersion} ${convertExtensions}`;
    const compiler = this.#compilers.get(key) ?? new NodeCompiler(DEFINITIONS[fhirVersion], { convertExtensions });
    this.#compilers.set(key, compiler);
    return compiler;
  }

  #plainConverter(compiler: NodeCompiler): PlainConverter {
    const converter = this.#plainConverters.get(compiler) ?? new PlainConverter(compiler);
    this.#plainConverters.set(compiler, converter);
    return converter;
  }
}

import type { FhirVersion } from '../../../src/fhir/fhir-versions.ts';
import { AidboxConverter } from '../../../src/pipeline/fhir-to-aidbox/aidbox-converter.ts';
import { BracketIndex } from '../../../src/pipeline/fhir-to-aidbox/bracket-index.ts';
import { NodeCompiler } from '../../../src/pipeline/fhir-to-aidbox/compile-nodes.ts';
import type { ConvertFailure } from '../../../src/pipeline/fhir-to-aidbox/convert-failure.ts';
import { DEFINITIONS } from '../../../src/pipeline/fhir-to-aidbox/fhir-version.ts';

/** Converts single lines, each in a buffer of its own, with other bytes around it. */
export class LineConverter {
  readonly #compiler: NodeCompiler;
  readonly #converter: AidboxConverter;

  constructor(version: FhirVersion = 'r4', convertExtensions = true) {
    this.#compiler = new NodeCompiler(DEFINITIONS[version], { convertExtensions });
    this.#converter = new AidboxConverter(this.#compiler, new BracketIndex());
  }

  /** The converted text, or why there is none. */
  convert(line: string, type: string): string | ConvertFailure {
    const converted = this.convertBytes(Buffer.from(line), type);
    return Buffer.isBuffer(converted) ? converted.toString('utf8') : converted;
  }

  /** The same, in bytes. */
  convertBytes(line: Buffer, type: string): Buffer | ConvertFailure {
    const bytes = Buffer.concat([Buffer.from('{"a"\n'), line, Buffer.from('\n"extension":"x"}]')]);
    const start = 5;
    const end = bytes.length - 18;
    this.#converter.attach(bytes);
    let open = start;
    while (open < end && bytes[open] !== 0x7b) open++;
    const failure = this.#converter.convert(this.#compiler.root(type), start, open, end);
    if (failure !== undefined) return failure;
    const { segments } = this.#converter;
    const output = segments.toBuffer(bytes);
    if (output.length !== segments.bytes) throw new Error('segments tell a wrong length');
    return output;
  }
}

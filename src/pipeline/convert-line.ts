import { LineError } from '../errors/line-error.ts';
import { type TransformOptions, Transforms } from './create-transform.ts';
import { FhirConverter } from './fhir-to-aidbox/fhir-converter.ts';
import type { LineTransform } from './transform.ts';

/** Which way a resource is converted. */
export const DIRECTIONS = ['aidbox', 'fhir'] as const;
export type Direction = (typeof DIRECTIONS)[number];

export type ConvertOptions = Pick<TransformOptions, 'fhirVersion' | 'convertExtensions'> & { to: Direction };

/** Converts single resources, as a load does it or back, for people who want to see what becomes of one. */
export class LineConverter {
  readonly #options: ConvertOptions;
  readonly #all = new Transforms();
  readonly #transforms = new Map<string, LineTransform>();

  constructor(options: ConvertOptions) {
    this.#options = options;
  }

  /**
   * One resource on one line, in the other form; it keeps its `id` and `resourceType`, which a row has as columns.
   * @param type the resource's
   * @returns undefined for a blank line
   * @throws LineError where a load would have one
   */
  convert(line: Buffer, lineNumber: number, type: string): string | undefined {
    const transform = this.#transformOf(type);
    transform.attach(line);
    const result = transform.take(0, line.length);
    if (result === 'blank') return undefined;
    if (result !== 'row') throw new LineError(result, lineNumber, transform.failureDetail);
    const id = JSON.stringify(transform.idBytes.toString('utf8', transform.idStart, transform.idEnd));
    const json = Buffer.alloc(transform.jsonBytes);
    transform.writeJson(json, 0);
    const rest = json.toString('utf8').trim().slice(1);
    const front = `{"resourceType":${JSON.stringify(type)},"id":${id}`;
    const text = /^\s*\}/.test(rest) ? `${front}}` : `${front},${rest}`;
    if (this.#options.to === 'aidbox') return text;
    try {
      return new FhirConverter(this.#all.compiler(this.#options)).convert(text);
    } catch (error) {
      throw error instanceof SyntaxError ? new LineError('not-json', lineNumber, transform.failureDetail) : error;
    }
  }

  #transformOf(type: string): LineTransform {
    const transform =
      this.#transforms.get(type) ??
      this.#all.create(
        {
          ...this.#options,
          // The way back begins with the line as it is: a resource's own `meta` stays.
          format: this.#options.to === 'aidbox' ? 'fhir' : 'as-is',
          keepLastUpdated: false,
        },
        type,
      );
    this.#transforms.set(type, transform);
    return transform;
  }
}

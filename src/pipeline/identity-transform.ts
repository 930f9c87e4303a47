import type { LineErrorDetail } from '../errors/line-error.ts';
import { putBytes } from './put-bytes.ts';
import { ResourceScanner } from './resource-scanner.ts';
import type { LineResult, LineTransform } from './transform.ts';

/** Stores a resource as the file has it, but for `id` and `resourceType`, which are columns of their own. */
export class IdentityTransform implements LineTransform {
  idBytes: Buffer = Buffer.alloc(0);
  idStart = 0;
  idEnd = 0;
  jsonBytes = 0;

  readonly #resourceType: string;
  readonly #scanner: ResourceScanner;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** @param resourceType the type that the file's name promises, in FHIR's spelling */
  constructor(resourceType: string) {
    this.#resourceType = resourceType;
    this.#scanner = new ResourceScanner(resourceType);
  }

  attach(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#scanner.attach(buffer);
  }

  take(start: number, end: number): LineResult {
    const scanner = this.#scanner;
    const result = scanner.scan(start, end);
    if (result !== 'resource') return result;
    this.idBytes = scanner.idBytes;
    this.idStart = scanner.idStart;
    this.idEnd = scanner.idEnd;
    this.jsonBytes = end - start - (scanner.cutEnd1 - scanner.cutStart1) - (scanner.cutEnd2 - scanner.cutStart2);
    this.#start = start;
    this.#end = end;
    return 'row';
  }

  writeJson(out: Buffer, at: number): number {
    const buffer = this.#buffer;
    const { cutStart1, cutEnd1, cutStart2, cutEnd2 } = this.#scanner;
    const second = putBytes(out, at, buffer, this.#start, cutStart1);
    const third = putBytes(out, second, buffer, cutEnd1, cutStart2);
    return putBytes(out, third, buffer, cutEnd2, this.#end);
  }

  get failureDetail(): LineErrorDetail {
    return { id: this.#scanner.idSoFar, expectedType: this.#resourceType };
  }
}

import type { LineErrorDetail } from '../errors/line-error.ts';
import type { PlainRowModule } from './plain-row-module.ts';
import { PlainRows } from './plain-rows.ts';
import { putBytes } from './put-bytes.ts';
import { ResourceScanner } from './resource-scanner.ts';
import type { LineResult, LineTransform } from './transform.ts';

/** Stores a resource as the file has it, but for `id` and `resourceType`, which are columns of their own. */
export class IdentityTransform implements LineTransform {
  idBytes: Buffer = Buffer.alloc(0);
  idStart = 0;
  idEnd = 0;
  jsonBytes = 0;
  readonly plainRows: PlainRows | undefined;

  readonly #resourceType: string;
  readonly #scanner: ResourceScanner;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /**
   * @param resourceType the type that the file's name promises, in FHIR's spelling
   * @param module what makes the rows of most lines; without it each is scanned by itself
   */
  constructor(resourceType: string, module?: PlainRowModule) {
    this.plainRows = module && new PlainRows(module, resourceType);
    this.#resourceType = resourceType;
    this.#scanner = new ResourceScanner(resourceType);
  }

  attach(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#scanner.attach(buffer);
    this.plainRows?.attach(buffer);
  }

  take(start: number, end: number): LineResult {
    const scanner = this.#scanner;
    const result = scanner.scan(start, end);
    if (result !== 'resource') return result;
    const { id, cuts } = scanner;
    this.idBytes = id.bytes;
    this.idStart = id.start;
    this.idEnd = id.end;
    this.jsonBytes = end - start - (cuts.end1 - cuts.start1) - (cuts.end2 - cuts.start2);
    this.#start = start;
    this.#end = end;
    return 'row';
  }

  writeJson(out: Buffer, at: number): number {
    const buffer = this.#buffer;
    const { start1, end1, start2, end2 } = this.#scanner.cuts;
    const second = putBytes(out, at, buffer, this.#start, start1);
    const third = putBytes(out, second, buffer, end1, start2);
    return putBytes(out, third, buffer, end2, this.#end);
  }

  get failureDetail(): LineErrorDetail {
    return { id: this.#scanner.idSoFar, expectedType: this.#resourceType };
  }
}

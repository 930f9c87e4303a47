import assert from 'node:assert/strict';
import { NodeCompiler } from '../../../src/pipeline/fhir-to-aidbox/compile-nodes.ts';
import { FhirConverter } from '../../../src/pipeline/fhir-to-aidbox/fhir-converter.ts';
import { DEFINITIONS } from '../../../src/pipeline/fhir-to-aidbox/fhir-version.ts';
import { LineConverter } from './convert-line.ts';
import type { Model } from './oracle/fhir-model.ts';
import { object, readTree, string, type Tree, writeTree } from './oracle/json-tree.ts';
import { aidboxOf, TwoForms } from './oracle/oracle.ts';

/** Holds what becomes of lines against the oracle, by a FHIR version's official definitions. */
export class LineChecker {
  /** Converts as a load does where nothing else is asked for. */
  readonly converter: LineConverter;
  readonly #plainExtensions: LineConverter;
  readonly #fhir: FhirConverter;
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
    this.converter = new LineConverter(model.version);
    this.#plainExtensions = new LineConverter(model.version, false);
    this.#fhir = new FhirConverter(new NodeCompiler(DEFINITIONS[model.version], { convertExtensions: true }));
  }

  /** The line becomes what the oracle says, or is refused as there. */
  check(line: string, type: string): void {
    assert.equal(outcome(this.converter, line, type), this.expected(line, type, true), line);
    assert.equal(outcome(this.#plainExtensions, line, type), this.expected(line, type, false), line);
  }

  /** What a conversion gave stays as it is when it is converted again. */
  checkStays(line: string, type: string): void {
    const once = this.converter.convert(line, type);
    if (typeof once !== 'string') return;
    assert.equal(this.converter.convert(once, type), once, line);
  }

  /** Back in FHIR it is the line, but for what is in columns. */
  checkReturns(line: string, type: string): void {
    const stored = this.converter.convert(line, type);
    if (typeof stored !== 'string') return;
    const own = object([['resourceType', string(type)], ...asObject(readTree(stored)).members]);
    const back = asObject(readTree(this.#fhir.convert(writeTree(own)))).members.filter(
      ([key]) => key !== 'resourceType',
    );
    assert.equal(writeTree(object(back)), writeTree(withoutColumns(line)), line);
  }

  /** The oracle's text, or `two-forms`. */
  expected(line: string, type: string, convertExtensions = true): string {
    try {
      return writeTree(aidboxOf(this.#model, type, asObject(readTree(line)), convertExtensions));
    } catch (error) {
      if (error instanceof TwoForms) return 'two-forms';
      throw error;
    }
  }
}

function outcome(converter: LineConverter, line: string, type: string): string {
  const converted = converter.convert(line, type);
  if (typeof converted !== 'string') return converted.code;
  try {
    return writeTree(readTree(converted));
  } catch (error) {
    throw new Error(`${line} became ${converted}`, { cause: error });
  }
}

/** The members of a line that are not in columns. */
function withoutColumns(line: string) {
  const members = asObject(readTree(line)).members.flatMap(([key, value]): [string, Tree][] => {
    if (key === 'id' || key === 'resourceType') return [];
    if (key !== 'meta' || value.kind !== 'object') return [[key, value]];
    const left = value.members.filter(([name]) => name !== 'lastUpdated' && name !== 'versionId');
    return left.length === 0 ? [] : [[key, object(left)]];
  });
  return object(members);
}

function asObject(tree: Tree) {
  return tree.kind === 'object' ? tree : object([]);
}

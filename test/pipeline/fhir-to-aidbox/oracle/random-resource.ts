import type { Meaning, Model } from './fhir-model.ts';

/** A whole number from 0 to `max`; small ones are simpler. */
export type Draw = (max: number) => number;

const MAX_DEPTH = 7;

/** JSON texts of primitive values, some of which a careless converter changes. */
const VALUES = [
  '"x"',
  '1.10',
  'true',
  '0.000000000000000000012345678901234567890',
  '"2020-01-01T00:00:00.000+01:00"',
  '"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">\\u003cp\\u003e é \\\\ \\" {[,:]}</div>"',
  '""',
  'null',
  '"extension"',
  '"reference"',
  '-1E+5',
  `"${'long '.repeat(30)}\\"${'tail '.repeat(20)}"`,
];

const REFERENCES = [
  'Patient/pt-1',
  'http://example.org/fhir/Patient/1',
  'urn:uuid:00000000-0000-0000-0000-000000000001',
  '#contained-1',
  'Patient/1/_history/2',
  'Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9999',
  'Patient\\/escaped',
  '\\u0050atient/2',
  '#',
  '',
  'patient/1',
  'P/1',
  `Patient/${'a'.repeat(64)}`,
  `Patient/${'a'.repeat(65)}`,
  'Patient/a b',
  '\\u0023escaped',
  'Patient/é',
  'Patient\\/1\\/_history\\/2',
  'http:\\/\\/x\\/fhir\\/Patient\\/1',
  'Pat\\u0069ent/1',
  'Patient/\\u0031',
  'Patient\\u002f1',
  '#a\\u0062',
  'P\\/1',
];

/** JSON text of resources by the definitions, and, with `hostile`, of what looks like them. */
export class RandomResource {
  readonly #model: Model;
  readonly #draw: Draw;
  readonly #hostile: boolean;

  constructor(model: Model, draw: Draw, hostile: boolean) {
    this.#model = model;
    this.#draw = draw;
    this.#hostile = hostile;
  }

  /** One resource on one line; its `id` and `resourceType` stand anywhere. */
  resource(type: string, id = 'x'): string {
    const members = this.#members(type, 0);
    this.#insert(members, this.#key('resourceType') + this.#text(type));
    this.#insert(members, this.#key('id') + this.#text(id));
    return this.#object(members);
  }

  #resourceWithin(depth: number): string {
    const types = this.#model.resources;
    const type = types[this.#draw(types.length - 1)] ?? 'Basic';
    const members = this.#members(type, depth);
    if (!this.#odd(20)) this.#insert(members, this.#key('resourceType') + this.#text(this.#odd(20) ? 'Custom' : type));
    this.#insert(members, this.#key('id') + this.#text('within'));
    if (this.#odd(30)) this.#insert(members, `${this.#key('resourceType')}"Patient"`);
    return this.#object(members);
  }

  #members(path: string, depth: number): string[] {
    if (path === 'Reference') return this.#reference(depth);
    const meanings = [...this.#model.at(path)];
    const members: string[] = [];
    const taken = new Set<string>();
    const wanted = this.#draw(depth === 0 ? 6 : depth < MAX_DEPTH ? 2 : 0);
    for (let n = 0; n < wanted && meanings.length > 0; n++) {
      const [key, meaning] = meanings[this.#draw(meanings.length - 1)] ?? ['id', { kind: 'primitive' }];
      const name = meaning.kind === 'choice' ? meaning.base : key;
      if (taken.has(name) && !this.#odd(3)) continue;
      taken.add(name);
      members.push(...this.#member(key, meaning, depth));
    }
    if (this.#odd(4)) members.push(`${this.#key(this.#anyKey())}${this.#anything(depth + 1)}`);
    if (this.#odd(8)) members.push(`${this.#key('reference')}"Patient/1"`);
    return members;
  }

  #member(key: string, meaning: Meaning, depth: number): string[] {
    if (meaning.kind === 'primitive') {
      const members = [`${this.#key(key)}${this.#primitive()}`];
      if (this.#draw(5) === 1) members.push(`${this.#key(`_${key}`)}${this.#element(depth)}`);
      return members;
    }
    if (meaning.kind === 'choice') {
      const value = meaning.path === undefined ? this.#primitive() : this.#complex(meaning.path, depth);
      if (this.#odd(6)) {
        const stored = this.#odd(4)
          ? this.#primitive()
          : this.#object(this.#odd(3) ? [] : [this.#key(meaning.type) + value]);
        return [this.#key(meaning.base) + stored];
      }
      const members = [this.#key(key) + value];
      if (meaning.path === undefined && this.#draw(5) === 1) members.push(this.#key(`_${key}`) + this.#element(depth));
      return members;
    }
    const value = () => this.#complex(meaning.path, depth);
    const shape = this.#draw(4);
    if (shape === 1) return [`${this.#key(key)}[${this.#join([value(), this.#odd(5) ? 'null' : value()])}]`];
    if (shape === 2) return [`${this.#key(key)}[${this.#join([value()])}]`];
    if (this.#odd(20)) return [`${this.#key(key)}[[${value()}]]`];
    return [this.#key(key) + (this.#odd(20) ? this.#primitive() : value())];
  }

  #complex(path: string, depth: number): string {
    if (path === 'Resource') return depth < MAX_DEPTH ? this.#resourceWithin(depth + 1) : '{}';
    return this.#object(this.#members(path, depth + 1));
  }

  #element(depth: number): string {
    const extension = () => `{${this.#key('url')}"u",${this.#key('valueString')}"e"}`;
    const nested = () => (depth < MAX_DEPTH ? this.#object(this.#members('Extension', depth + 1)) : extension());
    const element = `{${this.#key('extension')}[${extension()},${nested()}]}`;
    return this.#draw(2) === 1 ? `[null,${element}]` : element;
  }

  #reference(depth: number): string[] {
    const members: string[] = [];
    const text = REFERENCES[this.#draw(REFERENCES.length - 1)] ?? '';
    if (this.#draw(9) !== 9) members.push(`${this.#key('reference')}${this.#odd(20) ? 'null' : `"${text}"`}`);
    if (this.#draw(2) === 1) this.#insert(members, `${this.#key('display')}${this.#primitive()}`);
    if (this.#draw(6) === 1) this.#insert(members, `${this.#key('id')}"element"`);
    if (this.#draw(5) === 1 && depth < MAX_DEPTH) {
      this.#insert(members, this.#key('identifier') + this.#complex('Identifier', depth));
    }
    if (this.#draw(5) === 1) this.#insert(members, this.#key('_reference') + this.#element(depth));
    for (const key of ['resourceType', 'uri', 'localRef', '_id', 'id', 'reference']) {
      if (this.#odd(25)) this.#insert(members, `${this.#key(key)}"Patient/3"`);
    }
    return members;
  }

  /** A key that means something, but maybe elsewhere. */
  #anyKey(): string {
    const types = this.#model.resources;
    const meanings = this.#model.at(types[this.#draw(types.length - 1)] ?? '');
    const keys = [
      ...meanings.keys(),
      'valueQuantity',
      'valueReference',
      'subject',
      'contained',
      'value',
      '_x',
      'Extension',
    ];
    return keys[this.#draw(keys.length - 1)] ?? 'x';
  }

  #anything(depth: number): string {
    const kind = this.#draw(depth < MAX_DEPTH ? 4 : 1);
    if (kind === 2) return `[${this.#join([this.#anything(depth + 1), this.#anything(depth + 1)])}]`;
    if (kind === 3) return this.#object(this.#members('Reference', depth + 1));
    if (kind === 4) return this.#object(this.#members('Extension', depth + 1));
    return this.#primitive();
  }

  #primitive(): string {
    return VALUES[this.#draw(VALUES.length - 1)] ?? '0';
  }

  #object(members: readonly string[]): string {
    return `{${this.#join(members)}}`;
  }

  #join(parts: readonly string[]): string {
    const space = this.#space();
    return `${space}${parts.join(`${space},${this.#space()}`)}${space}`;
  }

  /** A key with its colon, some of its letters escaped now and then. */
  #key(key: string): string {
    return `${this.#text(key)}${this.#space()}:${this.#space()}`;
  }

  #text(text: string): string {
    if (!this.#odd(12)) return JSON.stringify(text);
    const at = this.#draw(text.length - 1);
    const escaped = `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
    return `"${text.slice(0, at)}${escaped}${text.slice(at + 1)}"`;
  }

  #space(): string {
    return this.#odd(6) ? (['', ' ', '\t', '\r', '  '][this.#draw(4)] ?? '') : '';
  }

  #insert(members: string[], member: string): void {
    members.splice(this.#draw(members.length), 0, member);
  }

  /** Of hostile resources: true about once in `times`. */
  #odd(times: number): boolean {
    return this.#hostile && this.#draw(times) === times;
  }
}

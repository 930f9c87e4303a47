import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../json-bytes.ts';
import { decodeString, skipSpace, valueEnd } from '../json-scan.ts';
import type { NodeCompiler } from './compile-nodes.ts';
import { type Member, membersOf, resourceTypeAt } from './members.ts';
import { Action, type Node } from './node.ts';

/**
 * The way back: rewrites a resource from Aidbox's storage format to FHIR's. For people who look at what is stored, and for
 * tests; it builds strings, and is not made for a load's hot path.
 */
export class FhirConverter {
  readonly #compiler: NodeCompiler;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;

  constructor(compiler: NodeCompiler) {
    this.#compiler = compiler;
  }

  /**
   * Converts the JSON text of one resource, which has its `resourceType`; of types that the FHIR version does not have it
   * returns the text as it is.
   * @throws SyntaxError when the text is not JSON
   */
  convert(text: string): string {
    JSON.parse(text);
    this.#bytes = Buffer.from(text);
    this.#end = this.#bytes.length;
    return this.#resource(skipSpace(this.#bytes, 0, this.#end));
  }

  #value(node: Node | undefined, from: number): string {
    const first = this.#bytes[from];
    if (node === undefined || (first !== OPEN_BRACE && first !== OPEN_BRACKET)) return this.#raw(from);
    if (first === OPEN_BRACE) return this.#objectOf(node, from);
    const items: string[] = [];
    let i = skipSpace(this.#bytes, from + 1, this.#end);
    while (this.#bytes[i] !== CLOSE) {
      items.push(this.#bytes[i] === OPEN_BRACE ? this.#objectOf(node, i) : this.#raw(i));
      i = skipSpace(this.#bytes, valueEnd(this.#bytes, i, this.#end), this.#end);
      if (this.#bytes[i] !== CLOSE) i = skipSpace(this.#bytes, i + 1, this.#end);
    }
    return `[${items.join(',')}]`;
  }

  #objectOf(node: Node, open: number): string {
    if (node.shape === 'reference') return this.#reference(node, open);
    if (node.shape === 'resource') return this.#resource(open);
    return `{${this.#members(node, open).join(',')}}`;
  }

  #resource(open: number): string {
    const type = this.#bytes[open] === OPEN_BRACE ? resourceTypeAt(this.#bytes, open, this.#end) : undefined;
    const node = type === undefined ? undefined : this.#compiler.resource(type);
    return node === undefined ? this.#raw(open) : `{${this.#members(node, open).join(',')}}`;
  }

  #members(node: Node, open: number): string[] {
    const members: string[] = [];
    for (const member of membersOf(this.#bytes, open, this.#end)) {
      const entry = node.find(member.key);
      if (entry?.action === Action.stored && entry.node !== undefined && this.#bytes[member.from] === OPEN_BRACE) {
        members.push(...this.#choice(entry.base, entry.node, member.from));
      } else members.push(keyed(member.key, this.#value(entry?.node, member.from)));
    }
    return members;
  }

  /** `value: {"Quantity": X}` as `valueQuantity: X`; what is not a type of the choice stays in `value`. */
  #choice(base: string, types: Node, open: number): string[] {
    const members: string[] = [];
    const others: string[] = [];
    for (const { key, from } of membersOf(this.#bytes, open, this.#end)) {
      const type = types.find(key);
      if (type === undefined) others.push(keyed(key, this.#raw(from)));
      else members.push(keyed(base + key.charAt(0).toUpperCase() + key.slice(1), this.#value(type.node, from)));
    }
    return others.length > 0 || members.length === 0 ? [...members, `"${base}":{${others.join(',')}}`] : members;
  }

  #reference(node: Node, open: number): string {
    const all = [...membersOf(this.#bytes, open, this.#end)];
    const text = (name: string) => this.#string(all.find(({ key }) => key === name));
    const [type, id] = [text('resourceType'), text('id')];
    const hasTarget = type !== undefined && id !== undefined;
    let written = false;
    const members = all.flatMap((member) => {
      const { key, from } = member;
      if (hasTarget && (key === 'resourceType' || key === 'id')) {
        const target = written ? [] : [keyed('reference', JSON.stringify(`${type}/${id}`))];
        written = true;
        return target;
      }
      const string = this.#string(member);
      if (key === 'uri' && string !== undefined) return [keyed('reference', this.#raw(from))];
      if (key === 'localRef' && string !== undefined) return [keyed('reference', JSON.stringify(`#${string}`))];
      if (key === '_id' && string !== undefined) return [keyed('id', this.#raw(from))];
      return [keyed(key, this.#value(node.find(key)?.node, from))];
    });
    return `{${members.join(',')}}`;
  }

  #string(member: Member | undefined): string | undefined {
    if (member === undefined || this.#bytes[member.from] !== QUOTE) return undefined;
    return decodeString(this.#bytes, member.from, member.to - 1);
  }

  #raw(from: number): string {
    return this.#bytes.toString('utf8', from, valueEnd(this.#bytes, from, this.#end));
  }
}

const CLOSE = 0x5d;

function keyed(key: string, value: string): string {
  return `${JSON.stringify(key)}:${value}`;
}

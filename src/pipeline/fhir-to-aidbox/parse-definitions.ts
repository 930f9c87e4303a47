/**
 * A FHIR version's elements in a compact notation, one string per type, written by a generator. Words, in any order:
 *
 * - `#` the type is a resource type
 * - `name` an element of a primitive type
 * - `name:Type` an element of a complex type
 * - `name[x]:Type|type` a choice; `*` is the list `openTypes`
 * - `name@Type.path` an element defined where another one is
 * - `name{ … }` an element with elements of its own
 *
 * Every type that is not a resource type has an element `extension:Extension` that is not written.
 */
export interface Definitions {
  openTypes: string;
  types: Readonly<Record<string, string>>;
}

export type Element =
  | { kind: 'primitive' }
  | { kind: 'type'; type: string }
  | { kind: 'choice'; types: readonly string[] }
  | { kind: 'same-as'; path: string }
  | { kind: 'nested'; elements: Elements };

/** By the element's name; a choice has its name without `[x]`. */
export type Elements = ReadonlyMap<string, Element>;

export interface TypeDefinition {
  resource: boolean;
  elements: Elements;
}

/** What may follow an element's name. */
const MARKS = ['[x]:', ':', '@', '{'];

/** Reads one type's elements, or gives undefined where the version has no such type. */
export function parseType({ types, openTypes }: Definitions, name: string): TypeDefinition | undefined {
  const text = Object.hasOwn(types, name) ? types[name] : undefined;
  if (text === undefined) return undefined;
  const resource = text.startsWith('#');
  const words = text.split(' ').filter((word) => word !== '' && word !== '#');
  return { resource, elements: parseElements(words[Symbol.iterator](), openTypes, resource) };
}

function parseElements(words: Iterator<string, undefined>, openTypes: string, resource: boolean): Elements {
  const elements = new Map<string, Element>(resource ? [] : [['extension', { kind: 'type', type: 'Extension' }]]);
  for (let next = words.next(); next.done !== true && next.value !== '}'; next = words.next()) {
    const name = /^\w+/.exec(next.value)?.[0] ?? '';
    const mark = MARKS.find((each) => next.value.startsWith(each, name.length));
    if (name === '') throw new Error(`Not an element: ${next.value}`);
    elements.set(name, parseElement(mark, next.value.slice(name.length + (mark ?? '').length)));
  }
  return elements;

  function parseElement(mark: string | undefined, rest: string): Element {
    switch (mark) {
      case ':':
        return { kind: 'type', type: rest };
      case '[x]:':
        return { kind: 'choice', types: (rest === '*' ? openTypes : rest).split('|') };
      case '@':
        return { kind: 'same-as', path: rest };
      case '{':
        return { kind: 'nested', elements: parseElements(words, openTypes, false) };
      default:
        return { kind: 'primitive' };
    }
  }
}

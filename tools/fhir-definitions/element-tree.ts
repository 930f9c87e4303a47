/** What a definition says of one element. */
export type Element =
  | { kind: 'primitive' }
  | { kind: 'type'; type: string }
  | { kind: 'choice'; types: readonly string[] }
  /** Defined where another element is (`contentReference`), given as `Type.path.to.element`. */
  | { kind: 'same-as'; path: string }
  | { kind: 'backbone'; elements: Elements };

/** By the element's name; a choice has its name without `[x]`. */
export type Elements = Map<string, Element>;

export interface FhirDefinitions {
  /** By name; resource types and datatypes. */
  types: Map<string, Elements>;
  resourceTypes: Set<string>;
}

/** Types that a JSON string, number or boolean stands for, and that may so have a `_name` sibling. */
export function isPrimitive(code: string): boolean {
  return /^[a-z]/.test(code) && code !== 'xhtml';
}

/** Puts an element at its path below a type's own elements; backbone elements come before what they hold. */
export function addElement(elements: Elements, path: readonly string[], element: Element): void {
  const [name, ...rest] = path;
  if (name === undefined) throw new Error('An element without a name');
  if (rest.length === 0) {
    elements.set(name, element);
    return;
  }
  const holder = elements.get(name);
  if (holder?.kind !== 'backbone') throw new Error(`${name} holds ${rest.join('.')} but is not a backbone element`);
  addElement(holder.elements, rest, element);
}

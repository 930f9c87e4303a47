import { Action, type Entry, Node } from './node.ts';
import { type Definitions, type Element, type Elements, parseType } from './parse-definitions.ts';

/** How a resource is converted. */
export interface CompileOptions {
  /** Whether `value[x]` of an extension is converted too (Aidbox: `BOX_FHIR_CORRECT_AIDBOX_FORMAT`). */
  convertExtensions: boolean;
}

/** The nodes of a FHIR version, each made when first asked for. */
export class NodeCompiler {
  readonly #definitions: Definitions;
  readonly #options: CompileOptions;
  readonly #types = new Map<string, Node | undefined>();
  readonly #paths = new Map<string, Node>();
  readonly #resources = new Map<string, Node | undefined>();
  readonly #roots = new Map<string, Node>();
  readonly #all: Node[] = [];
  readonly #anyResource: Node;
  readonly #element: Node;

  constructor(definitions: Definitions, options: CompileOptions) {
    this.#definitions = definitions;
    this.#options = options;
    this.#anyResource = this.#node('Resource', 'resource');
    this.#element = this.#node('Element', 'object');
    this.#element.fill([entry('extension', Action.descend, this.#typeNode('Extension'))]);
  }

  /** The nodes of resource types that were asked for. */
  get resources(): ReadonlyMap<string, Node | undefined> {
    return this.#resources;
  }

  /** The node of a resource within another one; undefined where the version has no such resource type. */
  resource(type: string): Node | undefined {
    if (this.#resources.has(type)) return this.#resources.get(type);
    if (parseType(this.#definitions, type)?.resource !== true) return undefined;
    const node = this.#typeNode(type);
    this.#findQuiet();
    this.#resources.set(type, node);
    return node;
  }

  /** The node of a resource that becomes a row: without what is in columns. Of unknown types only `meta` is known. */
  root(type: string): Node {
    const known = this.#roots.get(type);
    if (known !== undefined) return known;
    const own = this.resource(type)?.entries ?? [];
    const meta = this.#node('Meta', 'object');
    meta.fill([
      ...(this.#typeNode('Meta')?.entries ?? []),
      entry('lastUpdated', Action.drop),
      entry('versionId', Action.drop),
    ]);
    const root = this.#node(type, 'object');
    root.fill([
      ...own.filter(({ key }) => key !== 'meta' && key !== 'resourceType'),
      entry('id', Action.drop),
      entry('resourceType', Action.drop),
      entry('meta', Action.meta, meta),
    ]);
    this.#findQuiet();
    this.#roots.set(type, root);
    return root;
  }

  #node(name: string, shape: Node['shape']): Node {
    const node = new Node(name, shape);
    this.#all.push(node);
    return node;
  }

  #typeNode(type: string): Node | undefined {
    if (type === 'Resource') return this.#anyResource;
    if (this.#types.has(type)) return this.#types.get(type);
    const definition = parseType(this.#definitions, type);
    if (definition === undefined) {
      this.#types.set(type, undefined);
      return undefined;
    }
    const node = this.#node(type, type === 'Reference' ? 'reference' : 'object');
    this.#types.set(type, node);
    const entries = this.#entries(definition.elements, type);
    if (definition.resource) entries.push({ ...entry('resourceType', Action.ownType), base: type });
    node.fill(type === 'Reference' ? [...entries, ...REFERENCE_ENTRIES] : entries);
    return node;
  }

  #pathNode(path: string): Node {
    const known = this.#paths.get(path);
    if (known !== undefined) return known;
    const [type = '', ...names] = path.split('.');
    let elements = parseType(this.#definitions, type)?.elements;
    for (const name of names) {
      const element = elements?.get(name);
      elements = element?.kind === 'nested' ? element.elements : undefined;
    }
    if (elements === undefined) throw new Error(`No element ${path}`);
    const node = this.#node(path, 'object');
    this.#paths.set(path, node);
    node.fill(this.#entries(elements, path));
    return node;
  }

  #entries(elements: Elements, path: string): Entry[] {
    return [...elements].flatMap(([name, element]) => this.#entriesOf(name, element, path));
  }

  #entriesOf(name: string, element: Element, path: string): Entry[] {
    switch (element.kind) {
      case 'primitive':
        return [entry(`_${name}`, Action.descend, this.#element)];
      case 'type':
        return [entry(name, Action.descend, this.#typeNode(element.type))];
      case 'same-as':
        return [entry(name, Action.descend, this.#pathNode(element.path))];
      case 'nested':
        return [entry(name, Action.descend, this.#pathNode(`${path}.${name}`))];
      case 'choice':
        return this.#choice(name, element.types, path);
    }
  }

  #choice(base: string, types: readonly string[], path: string): Entry[] {
    const entries: Entry[] = [];
    const convert = path !== 'Extension' || this.#options.convertExtensions;
    const stored = this.#node(`${path}.${base}`, 'object');
    const inside: Entry[] = [];
    for (const type of types) {
      const key = base + type.charAt(0).toUpperCase() + type.slice(1);
      const node = this.#typeNode(type);
      inside.push(entry(type, Action.descend, node));
      if (/^[a-z]/.test(type)) entries.push(entry(`_${key}`, Action.descend, this.#element));
      if (convert) entries.push({ ...entry(key, Action.choice, node), base, type });
      else entries.push(entry(key, Action.descend, node));
    }
    stored.fill(inside);
    entries.push({ ...entry(base, convert ? Action.stored : Action.descend, stored), base });
    return entries;
  }

  /** A node is quiet unless one of its keys is to be converted or leads to a node that is not; found by elimination. */
  #findQuiet(): void {
    for (const node of this.#all) node.quiet = node.shape === 'object' && node.entries.every(isHarmless);
    for (let changed = true; changed; ) {
      changed = false;
      for (const node of this.#all) {
        if (!node.quiet || node.entries.every((each) => isExtension(each) || each.node?.quiet !== false)) continue;
        node.quiet = false;
        changed = true;
      }
    }
  }
}

const isExtension = ({ key }: Entry) => key === 'extension' || key === 'modifierExtension';
const isHarmless = ({ action }: Entry) => action === Action.descend;

const REFERENCE_ENTRIES: readonly Entry[] = [
  entry('reference', Action.reference),
  entry('id', Action.referenceId),
  entry('_id', Action.referenceElementId),
  entry('resourceType', Action.storedReference),
  entry('uri', Action.storedReference),
  entry('localRef', Action.storedReference),
];

function entry(key: string, action: Action, node?: Node): Entry {
  return { key, action, node, base: '', type: '' };
}

import type { Element, Elements, FhirDefinitions } from './element-tree.ts';

/** The table's text: a module that exports the definitions in the notation of `parse-definitions.ts`. */
export function writeTable(version: string, source: string, { types, resourceTypes }: FhirDefinitions): string {
  const open = openTypes(types);
  const write = (elements: Elements, resource: boolean) => writeElements(elements, resource, open);
  const written = neededTypes({ types, resourceTypes });
  const lines = written.map((type) => {
    const resource = resourceTypes.has(type);
    const text = write(types.get(type) ?? new Map(), resource);
    return `    ${type}: '${resource ? '# ' : ''}${text}',`;
  });
  return [
    `// Written by \`npm run definitions\` from ${source}. Do not edit.`,
    "import type { Definitions } from '../parse-definitions.ts';",
    '',
    `/** FHIR ${version.toUpperCase()}'s elements. */`,
    `export const ${version.toUpperCase()}: Definitions = {`,
    `  openTypes: '${open}',`,
    '  types: {',
    ...lines,
    '  },',
    '};',
    '',
  ].join('\n');
}

/** The types that Extension.value[x] may have, written once, as `*`. */
function openTypes(types: FhirDefinitions['types']): string {
  const value = types.get('Extension')?.get('value');
  if (value?.kind !== 'choice') throw new Error('Extension.value is not a choice');
  return value.types.join('|');
}

/** The resource types, and the datatypes that their elements reach. */
function neededTypes({ types, resourceTypes }: FhirDefinitions): string[] {
  const needed = new Set<string>(resourceTypes);
  const visit = (elements: Elements | undefined) => {
    for (const element of elements?.values() ?? []) {
      if (element.kind === 'backbone') visit(element.elements);
      const mentioned = element.kind === 'type' ? [element.type] : element.kind === 'choice' ? element.types : [];
      for (const type of mentioned) {
        if (needed.has(type) || !types.has(type) || type === 'Resource') continue;
        needed.add(type);
        visit(types.get(type));
      }
    }
  };
  for (const type of resourceTypes) visit(types.get(type));
  return [...needed].toSorted();
}

function writeElements(elements: Elements, resource: boolean, open: string): string {
  const texts = [...elements]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .filter(([name]) => name !== 'extension' || resource)
    .map(([name, element]) => name + writeElement(element, open));
  return texts.join(' ');
}

function writeElement(element: Element, open: string): string {
  switch (element.kind) {
    case 'primitive':
      return '';
    case 'type':
      return `:${element.type}`;
    case 'choice': {
      const types = element.types.join('|');
      return `[x]:${types === open ? '*' : types}`;
    }
    case 'same-as':
      return `@${element.path}`;
    case 'backbone':
      return `{ ${writeElements(element.elements, false, open)} }`;
  }
}

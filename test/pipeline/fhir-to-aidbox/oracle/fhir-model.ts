import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What a key of a FHIR JSON object means, by the official definitions. */
export type Meaning =
  /** An element with elements of its own; they are at `path`. */
  | { kind: 'complex'; path: string }
  | { kind: 'primitive' }
  /** An expanded key such as `valueQuantity`; `path` is absent for a primitive. */
  | { kind: 'choice'; base: string; type: string; path?: string };

/** The keys of the objects at a path such as `Patient.contact` or `HumanName`. */
export type Model = {
  version: 'r4' | 'r4b' | 'r5';
  resources: readonly string[];
  at(path: string): Map<string, Meaning>;
};

const require = createRequire(import.meta.url);
const isPrimitive = (code: string) => /^[a-z]/.test(code) && code !== 'xhtml';
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** R4 or R5, by the paths of the FHIRPath engine. */
export function fhirpathModel(version: 'r4' | 'r5'): Model {
  const { path2Type, choiceTypePaths, pathsDefinedElsewhere, type2Parent } = require(
    `fhirpath/fhir-context/${version}`,
  );
  const code = (path: string): string => path2Type[path]?.code ?? path2Type[path] ?? '';
  const paths = [...new Set([...Object.keys(path2Type), ...Object.keys(pathsDefinedElsewhere)])];
  const below = Map.groupBy(paths, (path) => path.slice(0, path.lastIndexOf('.')));
  const typePath = (type: string): string => (below.has(type) ? type : typePath(type2Parent[type]));
  return {
    version,
    resources: Object.keys(type2Parent).filter(
      (type) => below.has(type) && isA(type, 'Resource') && !/^(Domain|Canonical|Metadata)?Resource$/.test(type),
    ),
    at(path) {
      const meanings = new Map<string, Meaning>();
      for (const child of below.get(path) ?? []) {
        const key = child.slice(path.length + 1);
        const type = code(child);
        const choice = Object.entries(choiceTypePaths as Record<string, string[]>).find(
          ([base, types]) => child.startsWith(base) && types.some((suffix) => child === base + suffix),
        );
        if (choice !== undefined && !child.startsWith('ElementDefinition.extension.')) {
          const base = choice[0].slice(path.length + 1);
          meanings.set(key, { kind: 'choice', base, type, ...(isPrimitive(type) ? {} : { path: typePath(type) }) });
        } else if (child in pathsDefinedElsewhere) {
          meanings.set(key, { kind: 'complex', path: pathsDefinedElsewhere[child] });
        } else if (isPrimitive(type)) meanings.set(key, { kind: 'primitive' });
        else if (type === 'BackboneElement' || type === 'Element') meanings.set(key, { kind: 'complex', path: child });
        else if (!/^System\.|^xhtml$/.test(type)) {
          meanings.set(key, { kind: 'complex', path: type === 'Resource' ? type : typePath(type) });
        }
      }
      return meanings;
    },
  };

  function isA(type: string, ancestor: string): boolean {
    return type === ancestor || (type in type2Parent && isA(type2Parent[type], ancestor));
  }
}

/** R4B, by the official StructureDefinitions. */
function structureDefinitionModel(packageName = '@iguhealth/hl7.fhir.r4b.core'): Model {
  const definitions = ['profiles-types', 'profiles-resources'].flatMap((file) => {
    const bundle = JSON.parse(readFileSync(require.resolve(`${packageName}/definitions/${file}.min.json`), 'utf8'));
    return bundle.entry.map((entry: { resource: unknown }) => entry.resource);
  });
  const structures = definitions.filter(
    (each) =>
      each.resourceType === 'StructureDefinition' && (each.derivation !== 'constraint' || each.type === 'Quantity'),
  );
  const elements = structures.flatMap((each) => (each.derivation === 'constraint' ? [] : each.snapshot.element));
  const below = Map.groupBy(elements, ({ path }) => path.slice(0, path.lastIndexOf('.')));
  const base = new Map<string, string>(structures.map((each) => [each.name, each.type]));
  return {
    version: 'r4b',
    resources: structures
      .filter((each) => each.kind === 'resource' && each.abstract === false)
      .map((each) => each.name),
    at(path) {
      const meanings = new Map<string, Meaning>();
      for (const element of below.get(path) ?? []) {
        const key: string = element.path.slice(path.length + 1);
        const codes: string[] = (element.type ?? []).map((type: { code: string }) => type.code);
        const [code = ''] = codes;
        if (key.endsWith('[x]')) {
          const name = key.slice(0, -3);
          for (const type of codes) {
            const where = isPrimitive(type) ? {} : { path: base.get(type) ?? type };
            meanings.set(name + capital(type), { kind: 'choice', base: name, type, ...where });
          }
        } else if (element.contentReference !== undefined) {
          meanings.set(key, { kind: 'complex', path: element.contentReference.slice(1) });
        } else if (/System\.|^xhtml$/.test(code)) continue;
        else if (isPrimitive(code)) meanings.set(key, { kind: 'primitive' });
        else if (/^(Backbone)?Element$/.test(code)) meanings.set(key, { kind: 'complex', path: element.path });
        else meanings.set(key, { kind: 'complex', path: base.get(code) ?? code });
      }
      return meanings;
    },
  };
}

/** The same model, with what was asked before at hand. */
export function remembering(model: Model): Model {
  const known = new Map<string, Map<string, Meaning>>();
  return {
    ...model,
    at(path) {
      const meanings = known.get(path) ?? model.at(path);
      known.set(path, meanings);
      return meanings;
    },
  };
}

/** The three versions that can be converted. */
export function allModels(): Model[] {
  return [fhirpathModel('r4'), structureDefinitionModel(), fhirpathModel('r5')].map(remembering);
}

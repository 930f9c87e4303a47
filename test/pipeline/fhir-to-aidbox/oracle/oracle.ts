import type { Meaning, Model } from './fhir-model.ts';
import { type ObjectTree, object, string, type Tree } from './json-tree.ts';

/** Thrown where a resource says one thing in two forms, so that one of them would get lost. */
export class TwoForms extends Error {}

/**
 * What Aidbox stores for a resource, found the slow way: on a tree, by the official definitions. `type` is the resource's own; what is in
 * columns is left out.
 */
export function aidboxOf(model: Model, type: string, resource: ObjectTree, convertExtensions = true): ObjectTree {
  const stored = resource.members.filter(([key]) => key !== 'id' && key !== 'resourceType');
  const metas = stored.filter(([key]) => key === 'meta');
  if (metas.length > 1) throw new TwoForms('meta');
  const own = stored.flatMap(([key, value]): [string, Tree][] => {
    if (key !== 'meta' || value.kind !== 'object') return [[key, value]];
    const left = value.members.filter(([name]) => name !== 'lastUpdated' && name !== 'versionId');
    if (value.members.filter(([name]) => name === 'lastUpdated').length > 1) throw new TwoForms('lastUpdated');
    return left.length === 0 ? [] : [['meta', object(left)]];
  });
  // A `meta` that is no object is no meta.
  const plain = own.map(([key, value]): [string, Tree] => [
    key === 'meta' && value.kind !== 'object' ? '\0' : key,
    value,
  ]);
  const converted = model.resources.includes(type)
    ? convertObject(object(plain), type).members
    : plain.map(([key, value]): [string, Tree] => [key, key === 'meta' ? convert(value, 'Meta') : value]);
  return object(converted.map(([key, value]) => [key === '\0' ? 'meta' : key, value]));

  function convert(value: Tree, path: string): Tree {
    if (value.kind === 'object') return convertItem(value, path);
    if (value.kind !== 'array') return value;
    return {
      kind: 'array',
      items: value.items.map((item) => (item.kind === 'object' ? convertItem(item, path) : item)),
    };
  }

  function convertItem(value: ObjectTree, path: string): Tree {
    if (path === 'Reference') return convertReference(value);
    if (path !== 'Resource') return convertObject(value, path);
    const types = value.members.flatMap(([key, each]) => (key === 'resourceType' ? [each] : []));
    const named = types.find((each) => each.kind === 'string')?.value;
    if (named === undefined || !model.resources.includes(named)) return value;
    if (types.some((each) => each.kind !== 'string' || each.value !== named)) throw new TwoForms('resourceType');
    return convertObject(value, named);
  }

  function convertObject(value: ObjectTree, path: string): ObjectTree {
    const meanings = model.at(path);
    const choices = [...meanings.values()].filter((meaning) => meaning.kind === 'choice');
    const values = new Map<string, [type: string, value: Tree][]>();
    const storedAs = new Map<string, Tree>();
    const members: [string, Tree][] = [];
    for (const [key, each] of value.members) {
      const meaning = meanings.get(key);
      const types = choices.filter(({ base }) => base === key);
      if (meaning?.kind === 'choice') {
        const converted = meaning.path === undefined ? each : convert(each, meaning.path);
        if (!converts(path)) members.push([key, converted]);
        else addChoice(meaning, converted);
      } else if (types.length > 0) {
        const converted =
          each.kind === 'object'
            ? convertStored(each, types)
            : each.kind === 'array'
              ? convertStoredArray(each, types)
              : each;
        if (!converts(path)) members.push([key, converted]);
        else addStored(key, converted);
      } else if (meaning?.kind === 'complex') members.push([key, convert(each, meaning.path)]);
      else if (key.startsWith('_') && hasPrimitive(meanings.get(key.slice(1)))) {
        members.push([key, convertElement(each)]);
      } else members.push([key, each]);
    }
    return object(members);

    function addChoice({ base, type }: { base: string; type: string }, converted: Tree): void {
      const before = values.get(base) ?? [];
      const stored = storedAs.get(base);
      if (stored !== undefined && stored.kind !== 'object') throw new TwoForms(base);
      if (before.some(([other]) => other === type) || (stored?.members.some(([other]) => other === type) ?? false)) {
        throw new TwoForms(base);
      }
      put(base, [...(before.length + (stored === undefined ? 0 : 1) > 0 ? inPlace(base) : []), [type, converted]]);
      values.set(base, [...before, [type, converted]]);
    }

    function addStored(base: string, converted: Tree): void {
      const before = values.get(base) ?? [];
      if (storedAs.has(base)) throw new TwoForms(base);
      storedAs.set(base, converted);
      if (before.length === 0) {
        members.push([base, converted]);
        return;
      }
      if (converted.kind !== 'object') throw new TwoForms(base);
      if (converted.members.some(([name]) => before.some(([type]) => type === name))) throw new TwoForms(base);
      put(base, [...inPlace(base), ...converted.members]);
    }

    function inPlace(base: string): readonly (readonly [string, Tree])[] {
      const found = members.find(([key]) => key === base)?.[1];
      return found?.kind === 'object' ? found.members : [];
    }

    function put(base: string, all: readonly (readonly [string, Tree])[]): void {
      const at = members.findIndex(([key]) => key === base);
      if (at === -1) members.push([base, object(all)]);
      else members[at] = [base, object(all)];
    }
  }

  function converts(path: string): boolean {
    return path !== 'Extension' || convertExtensions;
  }

  function convertStored(value: ObjectTree, types: readonly { type: string; path?: string }[]): ObjectTree {
    return object(
      value.members.map(([key, each]) => {
        const path = types.find(({ type }) => type === key)?.path;
        return [key, path === undefined ? each : convert(each, path)];
      }),
    );
  }

  function convertStoredArray(
    value: Extract<Tree, { kind: 'array' }>,
    types: readonly { type: string; path?: string }[],
  ): Tree {
    return {
      kind: 'array',
      items: value.items.map((item) => (item.kind === 'object' ? convertStored(item, types) : item)),
    };
  }

  /** What stands behind a primitive's underscore. */
  function convertElement(value: Tree): Tree {
    const one = (item: Tree): Tree =>
      item.kind !== 'object'
        ? item
        : object(item.members.map(([key, each]) => [key, key === 'extension' ? convert(each, 'Extension') : each]));
    return value.kind === 'array' ? { kind: 'array', items: value.items.map(one) } : one(value);
  }

  function convertReference(value: ObjectTree): ObjectTree {
    const texts = value.members.filter(([key, each]) => key === 'reference' && each.kind === 'string');
    const inStorage = value.members.some(([key]) => ['resourceType', 'uri', 'localRef'].includes(key));
    if (texts.length > 1 || (texts.length === 1 && inStorage)) throw new TwoForms('reference');
    const isFhir = texts.length === 1 || !value.members.some(([key]) => key === 'resourceType');
    const ids = value.members.filter(([key]) => key === 'id').length;
    if (isFhir && (ids > 1 || (ids === 1 && value.members.some(([key]) => key === '_id')))) throw new TwoForms('id');
    const members = value.members.flatMap(([key, each]): [string, Tree][] => {
      if (key === 'reference' && each.kind === 'string') return targetOf(each.value);
      return [[key === 'id' && isFhir ? '_id' : key, each]];
    });
    const special = new Set(['reference', 'id', '_id', 'resourceType', 'uri', 'localRef']);
    const meanings = model.at('Reference');
    return object(
      members.map(([key, each]) => {
        const meaning = special.has(key) ? undefined : meanings.get(key);
        if (meaning?.kind === 'complex') return [key, convert(each, meaning.path)];
        if (key !== '_id' && key.startsWith('_') && hasPrimitive(meanings.get(key.slice(1))))
          return [key, convertElement(each)];
        return [key, each];
      }),
    );
  }

  function hasPrimitive(meaning: Meaning | undefined): boolean {
    return meaning?.kind === 'primitive' || (meaning?.kind === 'choice' && /^[a-z]/.test(meaning.type));
  }
}

function targetOf(reference: string): [string, Tree][] {
  const [, type, id] = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/.exec(reference) ?? [];
  if (type !== undefined && id !== undefined) {
    return [
      ['resourceType', string(type)],
      ['id', string(id)],
    ];
  }
  return reference.startsWith('#') && reference.length > 1
    ? [['localRef', string(reference.slice(1))]]
    : [['uri', string(reference)]];
}

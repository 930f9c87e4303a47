/** JSON as a tree that keeps what JSON.parse loses: the order and repetition of keys, and numbers as written. */
export type Tree =
  | { readonly kind: 'object'; readonly members: readonly (readonly [key: string, value: Tree])[] }
  | { readonly kind: 'array'; readonly items: readonly Tree[] }
  | { readonly kind: 'string'; readonly value: string }
  /** A number, `true`, `false` or `null`. */
  | { readonly kind: 'word'; readonly text: string };

export type ObjectTree = Extract<Tree, { kind: 'object' }>;

export const string = (value: string): Tree => ({ kind: 'string', value });
export const object = (members: readonly (readonly [string, Tree])[]): ObjectTree => ({ kind: 'object', members });

const TOKEN = /[ \t\r\n]*([{}[\],:]|"(?:[^"\\]|\\.)*"|[^ \t\r\n{}[\],:"]+)/y;

/** Reads a text that JSON.parse takes. @throws SyntaxError where it does not */
export function readTree(text: string): Tree {
  JSON.parse(text);
  TOKEN.lastIndex = 0;
  return read(next(text), text);
}

function next(text: string): string {
  return TOKEN.exec(text)?.[1] ?? '';
}

function read(token: string, text: string): Tree {
  if (token === '{') {
    const members: [string, Tree][] = [];
    for (let key = next(text); key !== '}'; key = next(text)) {
      if (key === ',') continue;
      next(text);
      members.push([JSON.parse(key), read(next(text), text)]);
    }
    return object(members);
  }
  if (token === '[') {
    const items: Tree[] = [];
    for (let item = next(text); item !== ']'; item = next(text)) if (item !== ',') items.push(read(item, text));
    return { kind: 'array', items };
  }
  return token.startsWith('"') ? string(JSON.parse(token)) : { kind: 'word', text: token };
}

/** The tree as JSON without white space and needless escapes. */
export function writeTree(tree: Tree): string {
  switch (tree.kind) {
    case 'object':
      return `{${tree.members.map(([key, value]) => `${JSON.stringify(key)}:${writeTree(value)}`).join(',')}}`;
    case 'array':
      return `[${tree.items.map(writeTree).join(',')}]`;
    case 'string':
      return JSON.stringify(tree.value);
    case 'word':
      return tree.text;
  }
}

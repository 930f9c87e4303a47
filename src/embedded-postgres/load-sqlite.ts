/**
 * Node's SQLite. Node 22 warns that it is experimental as it is loaded, on every start: that warning alone is kept back. What is used of it here
 * is the same in Node 24, which does not warn.
 * @param load for tests
 */
export function loadSqlite(load = () => process.getBuiltinModule('node:sqlite')): typeof import('node:sqlite') {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...details: unknown[]) => {
    if (!String(warning).startsWith('SQLite is an experimental feature'))
      Reflect.apply(emitWarning, process, [warning, ...details]);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/**
 * The environment of a program that a test starts: nothing of this process's own but the path to Node, and what Node keeps of
 * the sources that it has compiled, which takes 0.45 of the 0.75 CPU seconds that a server takes to start.
 */
export function programEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env;
  return { PATH, NODE_COMPILE_CACHE, ...env };
}

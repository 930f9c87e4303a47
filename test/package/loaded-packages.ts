import { registerHooks } from 'node:module';

/** For `node --import`: prints, when the process exits, `loaded NAME` of each package whose code it has loaded. */
const loaded = new Set<string>();
registerHooks({
  load(url, context, next) {
    const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
    if (name !== undefined) loaded.add(name);
    return next(url, context);
  },
});
process.on('exit', () => {
  for (const name of loaded) process.stderr.write(`loaded ${name}\n`);
});

// Preloaded into a server and its threads (`node --import`): their clock is off by SHIFTED_CLOCK_MS.
const shift = Number(process.env['SHIFTED_CLOCK_MS']);
const { now } = Date;

globalThis.Date = new Proxy(Date, {
  construct: (real, given, made) => Reflect.construct(real, given.length === 0 ? [now() + shift] : given, made),
  get: (real, name) => (name === 'now' ? () => now() + shift : Reflect.get(real, name)),
});

export {};

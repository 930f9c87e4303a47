import { z } from 'zod';

/** What of a parameter's JSON Schema the table shows. */
const propertySchema = z.looseObject({
  type: z.string().optional(),
  description: z.string().default(''),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  const: z.string().optional(),
  get anyOf() {
    return z.array(propertySchema).optional();
  },
  items: z.looseObject({ type: z.string() }).optional(),
  maxItems: z.number().optional(),
  get properties() {
    return z.record(z.string(), propertySchema).optional();
  },
  required: z.array(z.string()).default([]),
});
type Property = z.infer<typeof propertySchema>;

/** A Markdown table of a method's parameters, nested ones as `account.region`. */
export function paramsTable(params: z.ZodType): string {
  const rows = rowsOf(propertySchema.parse(z.toJSONSchema(params, { io: 'input' })), '');
  return ['| Parameter | Type | Default | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function rowsOf({ properties = {}, required }: Property, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const given = required.includes(name) ? '**required**' : defaultOf(property);
    const row = `| \`${prefix}${name}\` | ${typeOf(property)} | ${given} | ${property.description} |`;
    return [row, ...rowsOf(property, `${prefix}${name}.`)];
  });
}

function typeOf({ type = '', enum: values, const: only, anyOf, minimum, maximum, items, maxItems }: Property): string {
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ');
  if (only !== undefined) return `\`${only}\``;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(' or ');
  if (items !== undefined) return `${type} of ${items.type}${maxItems === undefined ? '' : `, up to ${maxItems}`}`;
  return minimum === undefined || maximum === undefined ? type : `${type}, ${minimum} to ${maximum}`;
}

function defaultOf(property: Property): string {
  return property.default === undefined ? '' : `\`${JSON.stringify(property.default)}\``;
}

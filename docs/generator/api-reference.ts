import { CLIENT_ERRORS, type ClientErrorKind } from '../../src/errors/client-error.ts';
import { REST_TYPES } from '../../src/http/resource-fields.ts';
import { RPC_METHODS } from '../../src/rpc/dispatch.ts';
import type { RpcMethod } from '../../src/rpc/rpc-method.ts';
import { ANSWER_EXAMPLES } from './answer-examples.ts';
import { paramsTable } from './params-table.ts';

const ERROR_MEANINGS: Readonly<Record<ClientErrorKind, string>> = {
  'unreadable-body': 'The body is not JSON or YAML, or nested too deeply.',
  'invalid-request': 'No HTTP, no `Host`, no `method`, or a batch of no or too many requests.',
  unauthorized: 'No credentials, or wrong ones.',
  'foreign-origin': 'A browser sent the request for a page of another site.',
  misdirected: 'No secret is set, and the request names a host other than localhost.',
  'headers-too-large': 'The request line and headers are longer than 16 KiB.',
  'too-many-attempts': 'Wrong credentials, again and again; the header `retry-after` says when to go on.',
  'not-found': 'No such route, or no resource with this id.',
  'method-not-found': 'No such RPC method; the message lists the known ones.',
  'too-slow': 'The request did not arrive within 30 s.',
  conflict: 'A file is being loaded and cannot be deleted now.',
  'several-match': 'A conditional delete matches several; it needs `x-conditional-delete: remove-all`.',
  'body-too-large': 'More than 1 MiB.',
  'unknown-content-type': 'Neither JSON nor YAML, or packed by a `content-encoding`.',
  'invalid-params': 'Parameters that are wrong, unknown or beside `params`; `errors` lists each with its path.',
  'domain-error':
    'The request is fine, its object is not: S3 or Postgres refused (`code` says with what), or the state forbids it.',
  'database-unavailable':
    "The database cannot be reached, has no connection free or refuses the server's login, or the server is shutting down. Try again.",
  busy: "So many calls at once that none of the server's connections to the database was free for 30 s. Try again.",
};

/** The API reference as Markdown: what the code itself says of its methods, errors and resources. */
export function apiReference(): string {
  return `${[INTRODUCTION, ...RPC_METHODS.map(methodSection), errorSection(), restSection()].join('\n\n')}\n`;
}

const INTRODUCTION = `# API reference

Made from the code by \`npm run docs\`; do not edit. For a first load see the README, for how it is run
[operations.md](operations.md).

\`POST /rpc\` takes \`{method, params}\` and answers \`{result}\` or \`{error}\`. JSON or YAML: the request by \`content-type\`
(\`application/json\`, \`text/yaml\`, \`application/yaml\`, \`application/x-yaml\`), the answer by \`accept\` or
\`?_format=json|yaml\`; JSON without a preference. A batch is an array of 1 to 100 requests, answered by an array in order.
\`jsonrpc\` and \`id\` are echoed. Credentials are HTTP Basic: \`BOX_ROOT_CLIENT_ID\` and \`BOX_ROOT_CLIENT_SECRET\`. Every
answer carries \`x-request-id\`, which the server's log has too.`;

function methodSection({ name, description, params }: RpcMethod): string {
  const examples = (ANSWER_EXAMPLES[name] ?? []).map(
    ({ title, result }) => `${title}:\n\n\`\`\`json\n${JSON.stringify({ result }, null, 2)}\n\`\`\``,
  );
  return [`## ${name}`, description, paramsTable(params), ...examples].join('\n\n');
}

function errorSection(): string {
  const rows = Object.entries(CLIENT_ERRORS).map(
    ([kind, status]) => `| ${status} | ${ERROR_MEANINGS[kind as ClientErrorKind]} |`,
  );
  return `## Errors

An error is \`{"error": {"message": "…"}}\`, with \`method\`, \`code\` and \`errors: [{message, path, type}]\` where there are any.
In a batch each answer has its own, and the status is 200. What goes wrong inside a file is not an error of the call: it stands
in the file's LoaderFile (see [troubleshooting.md](troubleshooting.md)).

| Status | Meaning |
| --- | --- |
${rows.join('\n')}
| 500 | An error of the server; its log has the details, by the request's id. |`;
}

function restSection(): string {
  const types = REST_TYPES.map((type) => `\`${type}\``).join(', ');
  return `## Resources over REST

${types}, at \`/<type>\` and \`/fhir/<type>\`:

| Request | Answer |
| --- | --- |
| \`GET /LoaderFile/<id>\` | 200 with the resource, or 404 |
| \`GET /LoaderFile?status=error&bucket=s3://b\` | 200 with a searchset Bundle. Filters by any field, \`.error.code=23505\` for nested ones, \`file:contains=2026-11\` for a part of a text; a bucket, type or status that no file can have is refused with 422. Commas mean "any of", and a value's own comma is \`\\,\`, as in FHIR. \`_count\` (100, at most 1000), \`_page\`, \`_sort\` (\`-\` for descending) |
| \`DELETE /LoaderFile/<id>\` | 200 with the resource, 204 when it is already gone, 409 while the file is being loaded |
| \`DELETE /LoaderFile?status=error\` | the same for one match; for several, 412 without the header \`x-conditional-delete: remove-all\` |

## For machines

| Request | Answer |
| --- | --- |
| \`GET /health\` | 200 while the process lives; no credentials |
| \`GET /ready\` | 200 when the database is reachable and migrated, else 503 with the reason; no credentials |
| \`GET /openrpc.json\` | the methods as OpenRPC 1.3: JSON Schemas of params and results, errors, a call by curl |
| \`GET /metrics\` | Prometheus's text format; see [operations.md](operations.md#monitoring) |`;
}

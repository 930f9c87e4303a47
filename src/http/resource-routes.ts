import type { FastifyInstance, FastifyRequest } from 'fastify';
import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import { SQLSTATE, sqlstateOf } from '../errors/sqlstate.ts';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import { awaitRoom } from '../store/await-room.ts';
import { keepDeletedFiles } from '../store/load-run/keep-deleted-files.ts';
import { hasDecidedFile } from '../store/loader-file/queue.ts';
import { inTransaction } from '../store/query.ts';
import { tableName } from '../store/resource-tables.ts';
import {
  deleteResources,
  lockResourcesAtOnce,
  type ResourceRow,
  type SearchFilter,
  searchResources,
} from '../store/resources.ts';
import { textProblem } from '../text/storable-text.ts';
import { sendAnswer } from './body-formats-plugin.ts';
import { pageLinks } from './page-links.ts';
import { fieldsOf, REST_TYPES, type RestFields } from './resource-fields.ts';
import { parseFilters, parseSearch, refuseQuery } from './resource-search.ts';

const LOADER_FILE = tableName('LoaderFile');

const LOCK_TIMEOUT_MS = 2_000;

/** Of a LoaderFile that somebody loads, or whose loader has died. The former is locked until the end of the load: nobody waits for that. */
const CLAIMED: SearchFilter = { path: ['status'], values: ['in-progress'] };

export interface ResourceRoutesDeps {
  pool: pg.Pool;
  /** Which types a search can name. */
  loadableTypes: LoadableTypes;
  /** How long a delete waits for another statement that changes one of its rows, in ms; 0 waits for ever. */
  lockTimeoutMs?: number;
}

/** GET by id, search, DELETE by id and by condition, at `/<type>` and `/fhir/<type>`. */
export function resourceRoutes(app: FastifyInstance, deps: ResourceRoutesDeps): void {
  for (const type of REST_TYPES) {
    const fields = fieldsOf(type, deps.loadableTypes);
    for (const path of [`/${type}`, `/fhir/${type}`]) routesOf(app, deps, fields, path);
  }
}

function routesOf(app: FastifyInstance, deps: ResourceRoutesDeps, fields: RestFields, path: string): void {
  const { pool } = deps;
  const { type } = fields;
  const table = tableName(type);

  app.get(path, async (request, reply) => {
    const search = parseSearch(fields, request.query);
    const { total, rows } = await awaitRoom(() => searchResources(pool, table, search));
    const entry = rows.map((row) => ({ resource: toResource(type, row), search: { mode: 'match' } }));
    const link = pageLinks(request.url, search, total);
    return sendAnswer(request, reply, 200, { resourceType: 'Bundle', type: 'searchset', total, link, entry });
  });

  app.get(`${path}/:id`, async (request, reply) => {
    refuseQuery(request.query);
    const filters = byId(request);
    const row =
      filters === undefined
        ? undefined
        : (await awaitRoom(() => searchResources(pool, table, { filters, sort: [], count: 1, page: 1 }))).rows[0];
    if (row === undefined) throw new ClientError('not-found', `No ${type} has this id.`);
    return sendAnswer(request, reply, 200, toResource(type, row));
  });

  app.delete(`${path}/:id`, async (request, reply) => {
    refuseQuery(request.query);
    const filters = byId(request);
    const [row] = filters === undefined ? [] : await remove(deps, table, filters, true);
    return row === undefined ? reply.code(204).send() : sendAnswer(request, reply, 200, toResource(type, row));
  });

  app.delete(path, async (request, reply) => {
    const removeAll = wantsAll(request);
    const rows = await remove(deps, table, parseFilters(fields, request.query), removeAll);
    const [row] = rows;
    if (row === undefined) return reply.code(204).send();
    if (!removeAll) return sendAnswer(request, reply, 200, toResource(type, row));
    const entry = rows.map((each) => ({ resource: toResource(type, each) }));
    return sendAnswer(request, reply, 200, { resourceType: 'Bundle', type: 'collection', total: rows.length, entry });
  });
}

/** Whether a conditional delete may remove several; a header that is not understood must not mean "one of them". */
function wantsAll(request: FastifyRequest): boolean {
  const header = request.headers['x-conditional-delete'];
  if (header === undefined) return false;
  if (header === 'remove-all') return true;
  const errors = [{ message: 'must be remove-all, or left out', path: 'x-conditional-delete', type: 'invalid_value' }];
  throw new ClientError('invalid-params', 'Invalid params', { errors });
}

/** Deletes what matches; several only when `many` says so. */
async function remove(
  { pool, lockTimeoutMs = LOCK_TIMEOUT_MS }: ResourceRoutesDeps,
  table: string,
  filters: readonly SearchFilter[],
  many: boolean,
): Promise<ResourceRow[]> {
  try {
    return await inTransaction(pool, async (client) => {
      await client.query(`set local lock_timeout = ${lockTimeoutMs}`);
      if (table === LOADER_FILE) await lockResourcesAtOnce(client, table, [...filters, CLAIMED]);
      const rows = await deleteResources(client, table, filters);
      const isDecided =
        table === LOADER_FILE &&
        (await hasDecidedFile(
          client,
          rows.map(({ id }) => id),
        ));
      if (isDecided) throw inUse(table);
      if (rows.length > 1 && !many) {
        throw new ClientError(
          'several-match',
          `${rows.length} resources match. Send the header x-conditional-delete: remove-all to delete them all.`,
        );
      }
      if (table === LOADER_FILE) await keepDeletedFiles(client, rows);
      return rows;
    });
  } catch (error) {
    if (sqlstateOf(error) !== SQLSTATE.lockNotAvailable) throw error;
    throw inUse(table);
  }
}

function inUse(table: string): ClientError {
  const message =
    table === LOADER_FILE
      ? 'One of these files is being loaded right now; wait until it is finished.'
      : 'One of these is being changed right now; try again.';
  return new ClientError('conflict', message);
}

/** Undefined for an id that no row can have. */
function byId(request: FastifyRequest): SearchFilter[] | undefined {
  const { id } = request.params as { id: string };
  return textProblem(id) !== undefined ? undefined : [{ path: ['id'], values: [id] }];
}

function toResource(type: string, { id, txid, ts, cts, resource }: ResourceRow): object {
  const meta = { lastUpdated: ts?.toISOString(), createdAt: cts?.toISOString(), versionId: txid };
  return { ...resource, id, resourceType: type, meta };
}

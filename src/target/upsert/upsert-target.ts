import type pg from 'pg';
import type { ConstantField } from '../../pipeline/copy-row-writer.ts';
import type { DistributedTables } from '../../store/distributed-tables.ts';
import type { StoredRows } from '../../store/loader-file/stored-rows.ts';
import { type ResourceTable, resolveHistory } from '../../store/resource-tables.ts';
import type { RowCopy } from '../row-copy.ts';
import { HASHED_FIELDS } from '../row-hasher.ts';
import type { RowLookUp } from '../row-look-up.ts';
import type { RowTarget } from '../row-target.ts';
import { changedRows, createChanges } from './changes.ts';
import { findChanges } from './find-changes.ts';
import { Fingerprints } from './fingerprints.ts';
import { mostlyDiffers } from './mostly-differs.ts';
import { NotOnCitus } from './not-on-citus.ts';
import { overwrite, overwriteDiffering, overwriteDistributed } from './overwrite.ts';
import { overwriteInFileOrder } from './overwrite-in-file-order.ts';
import { checkIds, createStage, type Stage, stageOf } from './stage.ts';
import { writeUncompressedPages } from './uncompressed-pages.ts';
import { writeVersions } from './write-versions.ts';

/** What an upsert does besides. Plain data: it crosses to a worker thread. */
export interface UpsertRules {
  /** Whether versions that are overwritten go to the history table. */
  history: boolean;
  /** Whether a row stays that was updated later than the file's. */
  newestWins: boolean;
}

export interface UpsertOptions {
  table: ResourceTable;
  /** In FHIR's spelling. */
  type: string;
  txid: bigint;
  /** Where rows bring a `ts` of their own: that of those which do not. */
  defaultTs: bigint | undefined;
  /** Whether the copy is lenient: a second row with an id of the file is then refused by itself. */
  lenient: boolean;
  distributed: DistributedTables;
  rules: UpsertRules;
}

/**
 * Rows by way of a temporary table: those that the table has already, the same, are left alone; others are inserted, or
 * overwrite what is there. What somebody else commits meanwhile counts as before or after this file: a resource that is
 * written or deleted after it was looked at stays as they left it where the file had nothing to write, and is overwritten
 * or made again where it had.
 */
export class UpsertTarget implements RowTarget {
  readonly defaultTs: bigint | undefined;

  readonly #options: UpsertOptions;
  #stage: Stage;
  #fingerprints: Fingerprints | undefined;
  #isCitus = false;
  #history: ResourceTable | undefined;

  constructor(options: UpsertOptions) {
    const { lenient, defaultTs } = options;
    this.#options = options;
    this.#stage = stageOf({ keyed: lenient });
    this.defaultTs = defaultTs;
  }

  get statement(): string {
    const { name, hashed } = this.#stage;
    const leading = `${hashed ? 'row, hash, ' : ''}${this.defaultTs === undefined ? '' : 'ts, '}`;
    return `copy ${name} (${leading}id, resource) from stdin (format binary)`;
  }

  get constants(): readonly ConstantField[] {
    return this.#stage.hashed ? HASHED_FIELDS : [];
  }

  get lookUp(): RowLookUp | undefined {
    return this.#fingerprints;
  }

  async prepare(client: pg.ClientBase): Promise<void> {
    const { table, type, lenient, rules, distributed } = this.#options;
    this.#isCitus = await distributed.isCitus(client);
    if (this.#isCitus && (rules.history || rules.newestWins))
      throw new NotOnCitus(rules.history ? 'history?' : 'newest-wins?');
    if (rules.history) this.#history = await resolveHistory(client, type);
    if (!this.#isCitus && !lenient) this.#fingerprints = await Fingerprints.open(client, table);
    if (this.#fingerprints !== undefined) this.#stage = stageOf({ keyed: false, hashed: true });
    await createStage(client, this.#stage);
    if (!this.#isCitus) await createChanges(client);
  }

  async complete(client: pg.ClientBase, copy: RowCopy): Promise<StoredRows> {
    const { table, type, txid, rules } = this.#options;
    const stage = this.#stage;
    const fingerprints = this.#fingerprints;
    const { rows } = copy;
    await fingerprints?.endLookUps(client);
    await checkIds(client, stage, copy);
    // Citus plans no query of its own tables with the places of rows: there all rows are overwritten.
    if (this.#isCitus) {
      await overwriteDistributed(client, { table, type, txid, from: `${stage.name} s` }, rows);
      return { loaded: rows, outcomes: {} };
    }
    if (this.#history !== undefined || rules.newestWins) {
      const { newestWins } = rules;
      const written = await writeVersions(client, {
        table,
        history: this.#history,
        newestWins,
        type,
        txid,
        stage,
        fingerprints,
      });
      const unchanged = rows - written.created - written.updated - written.older;
      return {
        loaded: rows - written.older,
        outcomes: newestWins
          ? { ...written, unchanged }
          : { created: written.created, updated: written.updated, unchanged },
      };
    }
    const differing = fingerprints && (await mostlyDiffers(client, table, stage, rows));
    if (fingerprints !== undefined && differing !== undefined) {
      if (differing.fillPages) await writeUncompressedPages(client);
      const inFileOrder =
        differing.inFileOrder && (await overwriteInFileOrder(client, { table, type, txid }, stage, rows, fingerprints));
      const written = inFileOrder || (await overwriteDiffering(client, { table, type, txid }, stage, fingerprints));
      return { loaded: rows, outcomes: { ...written, unchanged: rows - written.created - written.updated } };
    }
    const found = await findChanges(client, table, stage, false, fingerprints);
    const changes = found.new + found.changed;
    // Where nothing is new there is nothing to remember, and each row that is overwritten would be looked up for it.
    const noting = found.new === 0 ? undefined : fingerprints;
    const written = await overwrite(client, { table, type, txid, from: changedRows(stage) }, changes, noting);
    return { loaded: rows, outcomes: { ...written, unchanged: rows - changes } };
  }
}

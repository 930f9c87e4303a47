import type { ProxiedConnection } from '../support/postgres-proxy/proxied-connection.ts';
import type { MatrixCluster } from './matrix-cluster.ts';

export interface StoppedLoad {
  cluster: MatrixCluster;
  bucket: string;
  /** The connection that is stopped. */
  connection: ProxiedConnection;
}

/** What happens while a load is stopped at a step. */
export interface Fault {
  name: string;
  /** Whether it is stopped before Postgres hears of the step, or before it hears Postgres's answer. */
  holds: 'request' | 'answer';
  /** It deletes the LoaderFile; of one that is `done` that is asking for its rows once more. */
  deletes?: boolean;
  act: (stopped: StoppedLoad) => Promise<void>;
}

const KILLS: readonly Fault[] = [
  {
    name: 'owner killed, before',
    holds: 'request',
    async act({ cluster, connection }) {
      await cluster.killOwner();
      connection.cut();
    },
  },
  {
    name: 'owner killed, request arrives late',
    holds: 'request',
    async act({ cluster, connection }) {
      await cluster.killOwner();
      connection.release();
    },
  },
  { name: 'owner killed, after', holds: 'answer', act: ({ cluster }) => cluster.killOwner() },
];

const CUTS: readonly Fault[] = [
  { name: 'connection cut, before', holds: 'request', act: async ({ connection }) => connection.cut() },
  { name: 'connection cut, answer lost', holds: 'answer', act: async ({ connection }) => connection.cut() },
  {
    name: 'client cut, request arrives late',
    holds: 'request',
    async act({ cluster, connection }) {
      connection.cutClient();
      await cluster.ownerGoesOn();
      connection.release();
      connection.endServer();
    },
  },
  {
    name: 'client cut, Postgres never notices',
    holds: 'answer',
    act: async ({ connection }) => connection.cutClient(),
  },
  {
    name: 'Postgres cut, client never notices',
    holds: 'request',
    act: async ({ connection }) => connection.cutServer(),
  },
];

const RESTARTS: readonly Fault[] = [
  { name: 'Postgres restarts, before', holds: 'request', act: ({ cluster }) => cluster.restartPostgres() },
  { name: 'Postgres restarts, after', holds: 'answer', act: ({ cluster }) => cluster.restartPostgres() },
];

const OTHERS: readonly Fault[] = [
  {
    name: 'second replica joins',
    holds: 'answer',
    act: ({ cluster, bucket }) => cluster.joinWithSecond(bucket),
  },
  {
    name: 'second replica joins, owner killed',
    holds: 'answer',
    async act({ cluster, bucket }) {
      await cluster.joinWithSecond(bucket);
      await cluster.killOwner();
    },
  },
  { name: 'DELETE', holds: 'answer', deletes: true, act: ({ cluster, bucket }) => cluster.deleteOverRest(bucket) },
  { name: 'delete by SQL', holds: 'answer', deletes: true, act: ({ cluster, bucket }) => cluster.deleteBySql(bucket) },
  {
    name: 'delete by SQL, owner killed',
    holds: 'answer',
    deletes: true,
    async act({ cluster, bucket }) {
      await cluster.deleteBySql(bucket);
      await cluster.killOwner();
    },
  },
  { name: 'cancel', holds: 'answer', act: ({ cluster, bucket }) => cluster.call('load-from-bucket-cancel', bucket) },
  { name: 'retry', holds: 'answer', act: ({ cluster, bucket }) => cluster.call('load-from-bucket-retry', bucket) },
];

export const FAULTS: readonly Fault[] = [...KILLS, ...CUTS, ...RESTARTS, ...OTHERS];

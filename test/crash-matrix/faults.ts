import type { ProxiedConnection } from '../support/postgres-proxy/proxied-connection.ts';
import type { MatrixCluster } from './matrix-cluster.ts';
import type { Scene } from './steps.ts';

export interface StoppedLoad {
  cluster: MatrixCluster;
  bucket: string;
  /** Of the call: the other replica is called with the same. */
  params: object;
  /** The connection that is stopped. */
  connection: ProxiedConnection;
}

/** What happens while a load is stopped at a step. */
export interface Fault {
  name: string;
  /** Whether it is stopped before Postgres hears of the step, or before it hears Postgres's answer. */
  holds: 'request' | 'answer';
  /** The only scene that it is for; all of them without one. */
  scene?: Scene;
  /** Only on Citus. */
  citus?: boolean;
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
    act: ({ cluster, bucket, params }) => cluster.joinWithSecond(bucket, params),
  },
  {
    name: 'second replica joins, owner killed',
    holds: 'answer',
    async act({ cluster, bucket, params }) {
      await cluster.joinWithSecond(bucket, params);
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

/** The control connection while the data connection is stopped, or the other way round. */
const OTHER_CONNECTIONS: readonly Fault[] = [
  {
    name: 'other connections cut, before',
    holds: 'request',
    scene: 'direct',
    act: async ({ cluster, connection }) => cluster.cutOthers(connection),
  },
  {
    name: 'other connections cut, after',
    holds: 'answer',
    scene: 'direct',
    act: async ({ cluster, connection }) => cluster.cutOthers(connection),
  },
  {
    name: 'others cut, second resolves, goes on',
    holds: 'request',
    scene: 'direct',
    async act({ cluster, bucket, params, connection }) {
      cluster.cutOthers(connection);
      await cluster.secondGoesOn(bucket, params);
    },
  },
];

const WORKER_RESTARTS: readonly Fault[] = [1, 2].flatMap((node): Fault[] => [
  {
    name: `worker ${node} restarts, before`,
    holds: 'request',
    citus: true,
    act: ({ cluster }) => cluster.restartPostgres(node),
  },
  {
    name: `worker ${node} restarts, after`,
    holds: 'answer',
    citus: true,
    act: ({ cluster }) => cluster.restartPostgres(node),
  },
]);

export const FAULTS: readonly Fault[] = [
  ...KILLS,
  ...CUTS,
  ...RESTARTS,
  ...WORKER_RESTARTS,
  ...OTHER_CONNECTIONS,
  ...OTHERS,
];

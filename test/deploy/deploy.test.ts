import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import pg from 'pg';
import { environmentSchema, readConfig } from '../../src/config.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { FileFigures } from '../../src/worker/file-task.ts';
import { parseExposition } from '../metrics/parse-exposition.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const settingsOfCode = new Set(Object.keys(environmentSchema.shape));

/** Time that the server takes after the files' grace period, at most, in seconds (src/run-server.ts). */
const closingSeconds =
  Number(/CLOSING_MS = ([\d_]+)/.exec(read('src/run-server.ts'))?.[1]?.replaceAll('_', '')) / 1_000;

interface Container {
  image: string;
  lifecycle?: { preStop: { exec: { command: string[] } } };
  env?: { name: string; value?: string }[];
}
interface Manifest {
  kind: string;
  metadata: { name?: string };
  stringData?: Record<string, string>;
  spec: {
    clusterIP?: string;
    template: { spec: { containers: Container[]; terminationGracePeriodSeconds?: number } };
  };
}

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
}
const NOTHING: FileFigures = {
  ...{ bytes: 0, rows: 0, rawBytes: 0, resumes: 0, totalMs: 0 },
  ...{ s3Ms: 0, gunzipMs: 0, encodeMs: 0, postgresMs: 0, linesLeftOut: 0 },
};

describe('deploy/kubernetes', () => {
  const manifests = ['secret', 'loader'].flatMap(
    (name) => loadAll(read(`deploy/kubernetes/${name}.yaml`)) as Manifest[],
  );
  const find = (kind: string, name?: string) =>
    manifests.find((each) => each.kind === kind && (name === undefined || each.metadata.name === name));
  const [job] = loadAll(read('deploy/kubernetes/load-job.yaml')) as Manifest[];
  const [loader] = find('Deployment')?.spec.template.spec.containers ?? [];

  test('names settings that the server has, with values that it takes', () => {
    const given = Object.fromEntries((loader?.env ?? []).map(({ name, value = '' }) => [name, value]));
    const settings = { ...given, ...find('Secret')?.stringData };
    assert.equal(settings['PGSSLROOTCERT'], '/etc/postgres-ca/ca.crt');
    assert.deepEqual(
      Object.keys(settings).filter((name) => !settingsOfCode.has(name)),
      [],
    );
    // The cluster's certificate is not on this machine; any text will do for one.
    const { host, database } = readConfig({ ...settings, PGSSLROOTCERT: fileURLToPath(import.meta.url) });
    assert.equal(host, '::');
    assert.deepEqual([database?.ssl?.rejectUnauthorized, database?.ssl?.checkHostname], [true, true]);
  });

  test('gives the server the time to end that it may take, after the pause before it is told', () => {
    const grace = Number(loader?.env?.find(({ name }) => name === 'LOADER_SHUTDOWN_GRACE_MS')?.value) / 1_000;
    const pause = Number(loader?.lifecycle?.preStop.exec.command[1]);
    assert.ok(
      (find('Deployment')?.spec.template.spec.terminationGracePeriodSeconds ?? 0) > pause + grace + closingSeconds,
    );
  });

  test('the Job uses the same image and services that exist', () => {
    const [load] = job?.spec.template.spec.containers ?? [];
    assert.equal(load?.image, loader?.image);
    const value = (name: string) => load?.env?.find((each) => each.name === name)?.value;
    assert.notEqual(find('Service', value('SERVICE')), undefined);
    assert.equal(find('Service', value('REPLICAS'))?.spec.clusterIP, 'None');
  });
});

describe('deploy/systemd', () => {
  test('names settings that the server has, and gives it the time to end', () => {
    const unit = read('deploy/systemd/fhir-bucket-loader.service');
    const environment = Object.fromEntries(
      [...read('deploy/systemd/fhir-bucket-loader.env').matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [
        String(name),
        value,
      ]),
    );
    assert.deepEqual(
      Object.keys(environment).filter((name) => !settingsOfCode.has(name)),
      [],
    );
    const { shutdownGraceMs } = readConfig(environment);
    const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
    assert.ok(stop > shutdownGraceMs / 1_000 + closingSeconds);
  });
});

describe('deploy/grafana and deploy/prometheus', async () => {
  const { text } = await new Metrics(new pg.Pool({ host: '127.0.0.1', port: 1 })).exposition();
  const { types } = parseExposition(text);
  const namesIn = (source: string) =>
    new Set([...source.matchAll(/\b(fhir_loader|process|nodejs)_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')));
  const dashboard = read('deploy/grafana/fhir-bucket-loader.json');
  const { panels } = JSON.parse(dashboard) as Dashboard;
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

  test('ask for metrics that exist, and show all of the loader’s own', () => {
    const asked = namesIn(dashboard);
    assert.deepEqual(
      [...asked, ...namesIn(read('deploy/prometheus/alerts.yaml'))].filter((name) => !types.has(name)),
      [],
    );
    const own = [...types.keys()].filter((name) => name.startsWith('fhir_loader_'));
    assert.deepEqual(
      own.filter((name) => !asked.has(name)),
      [],
    );
  });

  test('the selector of buckets filters every metric that has one', async (t) => {
    const pool = new pg.Pool({ host: '127.0.0.1', port: 1 });
    t.after(() => pool.end());
    const metrics = new Metrics(pool);
    metrics.onFileBegun('s3://b');
    metrics.onFileEnded('s3://b', { kind: 'done', figures: NOTHING });
    const perBucket = new Set(
      [...(await metrics.exposition()).text.matchAll(/^(fhir_loader_\w+)\{.*bucket=/gm)].map(([, name]) => name),
    );
    for (const name of ['files', 'bytes_left', 'last_done_timestamp_seconds']) perBucket.add(`fhir_loader_${name}`);
    assert.ok(perBucket.size > 10);
    for (const expression of expressions)
      for (const [selector, name] of expression.matchAll(/(fhir_loader_\w+)\{[^}]*\}/g))
        if (perBucket.has(name)) assert.match(selector, /bucket=~"\$bucket"/);
  });

  test('rates are taken over a range that fits the scrape interval, and nothing makes up a 0', () => {
    for (const expression of expressions) {
      assert.doesNotMatch(expression, /\brate\([^[]*\[\d+[sm]\]/);
      assert.doesNotMatch(expression, /vector\(0\)/);
    }
  });

  const promtool = spawnSync('promtool', ['--version']).status === 0;
  test('the alerts fire when they should and only then', {
    skip: promtool ? false : 'promtool is not installed (part of Prometheus)',
  }, () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'alerts.test.yaml'], {
      cwd: fileURLToPath(new URL('../../deploy/prometheus', import.meta.url)),
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${stdout}${stderr}`);
  });
});

import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { apiClient } from '../support/client.ts';
import { taskQueueFor } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { environmentOf, readCompose, root, type Service } from './compose-file.ts';
import { build, install, type Installation, type Program } from './installation.ts';

const READY_TIMEOUT_MS = 60_000;

/** One statement as the owner of the test Postgres. */
async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresAdminUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The services of docker-compose.yml as they would run, but against the test servers and on free ports. */
describe('npm run build, then plain node with production dependencies', () => {
  const database = `test_${randomBytes(8).toString('hex')}`;
  const databaseUrl = new URL(inject('postgresAdminUrl'));
  databaseUrl.pathname = `/${database}`;
  let image: Installation;
  let services: Record<string, Service>;
  let overrides: Record<string, string>;

  beforeAll(async () => {
    services = (await readCompose()).services;
    overrides = {
      DATABASE_URL: databaseUrl.href,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: 'default',
      KESSAI_TASK_QUEUE: taskQueueFor('build'),
      PORT: String(await freePort()),
      WORKER_METRICS_PORT: String(await freePort()),
    };
    await asOwner(`create database ${database}`);
    image = await install();
  }, 150_000);

  afterAll(async () => {
    await image.remove();
    await asOwner(`drop database if exists ${database} with (force)`);
  });

  function service(name: string): Service {
    const found = services[name];
    if (found === undefined) throw new Error(`no service ${name}`);
    return found;
  }

  function environment(name: string): Record<string, string> {
    return { ...environmentOf(service(name)), ...overrides };
  }

  /** What comes after `node` in a service's command. */
  function program(name: string): readonly string[] {
    const [node, ...args] = service(name).command ?? [];
    expect(node).toBe('node');
    return args;
  }

  /** Asks as Docker would, with the health check's own command, until it says yes. */
  async function healthy(name: string, running: Program, port: string): Promise<void> {
    const [cmd, node, ...args] = service(name).healthcheck?.test ?? [];
    expect([cmd, node]).toEqual(['CMD', 'node']);
    const onOurPort = args.map((it) => it.replace(/^(http:\/\/127\.0\.0\.1:)\d+/, `$1${port}`));
    const isHealthy = async (): Promise<boolean> => {
      if (running.hasEnded()) throw new Error(`${name} ended:\n${running.output()}`);
      return (await image.run(onOurPort, {})).code === 0;
    };
    await until(`${name} is healthy`, isHealthy, READY_TIMEOUT_MS);
  }

  test('holds all that runs, the workflow bundle with it, for everyone to read', async () => {
    expect((await stat(join(image.folder, 'dist'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(image.folder, 'dist/workflow-bundle.js'))).size).toBeGreaterThan(100_000);
    expect(await readdir(image.folder)).toEqual(['dist', 'node_modules', 'package.json']);
    for (const name of ['migrate', 'worker', 'api'])
      expect((await stat(join(image.folder, program(name)[0] ?? ''))).isFile()).toBe(true);
  });

  test('migrates an empty database, pays over HTTP, proves the ledger and stops with 0', async () => {
    const migrated = await image.run(program('migrate'), environment('migrate'));
    expect(migrated.output).toContain('Applied: 0001');
    expect(migrated.code).toBe(0);
    const again = await image.run(program('migrate'), environment('migrate'));
    expect(again.output).toContain('The database is up to date.');

    const worker = image.start(program('worker'), environment('worker'));
    const api = image.start(program('api'), environment('api'));
    await Promise.all([
      healthy('worker', worker, overrides.WORKER_METRICS_PORT ?? ''),
      healthy('api', api, overrides.PORT ?? ''),
    ]);

    const made = await image.run(['dist/db/create-key-main.js', '--name', 'first'], environment('api'));
    expect(made.code).toBe(0);
    const adminKey = made.output.split('\n')[1] ?? '';
    expect(await pay(`http://127.0.0.1:${overrides.PORT ?? ''}`, adminKey)).toMatchObject({
      status: 'COMPLETED',
      amount: 1_200,
    });

    const proof = await image.run(['dist/db/ledger-verify-main.js'], environment('api'));
    expect(proof.output).toContain('The ledger is sound.');
    expect(proof.code).toBe(0);
    expect(await Promise.all([worker.stop(), api.stop()])).toEqual([0, 0]);
  }, 120_000);
});

/** A user with a balance pays at a till of a new merchant. */
async function pay(baseUrl: string, adminKey: string): Promise<unknown> {
  const admin = apiClient(baseUrl, adminKey);
  const done = async <T>(answer: Promise<{ status: number; body: T }>): Promise<T> => {
    const { status, body } = await answer;
    expect(status, JSON.stringify(body)).toBeLessThan(202);
    return body;
  };
  await done(
    admin('PUT', '/v1/merchants/mart', {
      name: 'Mart',
      timeZone: 'Asia/Tokyo',
      stores: [{ storeId: 'store-1', name: 'Shibuya', terminals: ['till-1'] }],
    }),
  );
  const user = { userId: 'alice', displayName: 'Alice', locale: 'ja', timeZone: 'Asia/Tokyo' };
  await done(admin('POST', '/v1/users', user));
  await done(admin('POST', '/v1/users/alice/top-ups', { topUpId: 'first', amount: 5_000, currency: 'JPY' }));
  const enrolment = await done(admin<{ enrolmentCode: string }>('POST', '/v1/users/alice/enrolments'));
  const { deviceToken } = await done(
    apiClient(baseUrl)<{ deviceToken: string }>('POST', '/v1/devices', {
      enrolmentCode: enrolment.enrolmentCode,
      deviceName: 'phone',
    }),
  );
  const { key } = await done(
    admin<{ key: string }>('POST', '/v1/keys', { role: 'merchant', tenantId: 'mart', name: 'tills' }),
  );
  const { code } = await done(apiClient(baseUrl, deviceToken)<{ code: string }>('POST', '/v1/codes', {}));
  return done(
    apiClient(baseUrl, key)('POST', '/v1/payments', {
      merchantPaymentId: 'p-1',
      code,
      amount: 1_200,
      currency: 'JPY',
      storeId: 'store-1',
      terminalId: 'till-1',
    }),
  );
}

describe('a build that fails', () => {
  test('says why and leaves what was built before', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kessai-broken-'));
    try {
      for (const part of ['package.json', 'tsconfig.json', 'dev', 'workers'])
        await cp(join(root, part), join(folder, part), { recursive: true });
      // The whole would take long to compile; one room with one fault shows the same.
      const project = {
        extends: './tsconfig.json',
        compilerOptions: { noEmit: false, noCheck: true },
        include: ['domain'],
      };
      await writeFile(join(folder, 'tsconfig.build.json'), JSON.stringify(project));
      await mkdir(join(folder, 'domain'));
      await writeFile(join(folder, 'domain', 'rule.ts'), 'export const rule: number = ;');
      await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
      await mkdir(join(folder, 'dist'));
      await writeFile(join(folder, 'dist', 'before.js'), '// whole');

      const { code, output } = await build(join(folder, 'dist'), folder);

      expect(code).toBe(1);
      expect(output).toMatch(/The sources do not compile, nothing was built:\n.*error TS/);
      expect(await readdir(join(folder, 'dist'))).toEqual(['before.js']);
      expect(await readFile(join(folder, 'dist', 'before.js'), 'utf8')).toBe('// whole');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);
});

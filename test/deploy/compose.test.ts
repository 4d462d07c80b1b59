import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { composeFaults } from './compose-faults.ts';
import { environmentOf, readCompose, root, SAMPLE_ENV, type Compose, type Service } from './compose-file.ts';
import { kessaiFaults, variablesRead } from './kessai-faults.ts';

const compose = await readCompose();

const schemaText = await readFile(join(root, 'test/deploy/compose-spec.schema.json'), 'utf8');
// Not strict: the schema has keywords of its own.
const validate = new Ajv2020({ strict: false, allErrors: true }).compile(
  JSON.parse(schemaText) as Record<string, unknown>,
);

function schemaFaults(document: unknown): string[] {
  validate(document);
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`);
}

/** A copy of the file's content with one thing changed. */
function broken(change: (copy: Compose) => void): Compose {
  const copy = structuredClone(compose);
  change(copy);
  return copy;
}

function service(copy: Compose, name: string): Service {
  const found = copy.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

function setEnvironment(copy: Compose, name: string, values: Record<string, string>): void {
  const it = service(copy, name);
  it.environment = { ...it.environment, ...values };
}

function dropEnvironment(copy: Compose, name: string, variable: string): void {
  const it = service(copy, name);
  it.environment = Object.fromEntries(
    Object.entries(it.environment ?? {}).filter(([given]) => given !== variable),
  );
}

describe('docker-compose.yml against the Compose specification', () => {
  test('is valid', () => {
    expect(schemaFaults(compose)).toEqual([]);
  });

  test.each<[string, (copy: Compose) => void]>([
    ['an unknown key of a service', (it) => Object.assign(service(it, 'api'), { healtcheck: {} })],
    [
      'a command that is not text',
      (it) => Object.assign(service(it, 'api'), { command: ['node', { a: 1 }] }),
    ],
    ['an unknown condition', (it) => (service(it, 'api').depends_on = { migrate: { condition: 'done' } })],
    ['a health check that is one number', (it) => Object.assign(service(it, 'api'), { healthcheck: 5 })],
  ])('the check sees %s', (_title, change) => {
    expect(schemaFaults(broken(change))).not.toEqual([]);
  });
});

describe('what is deployed', () => {
  test('is pinned, watched, ordered, closed and free of secrets', () => {
    expect(composeFaults(compose)).toEqual([]);
  });

  test.each<[string, (copy: Compose) => void, string]>([
    ['a latest tag', (it) => (service(it, 'postgres').image = 'postgres:latest'), 'not pinned'],
    ['a major version only', (it) => (service(it, 'postgres').image = 'postgres:16'), 'not pinned'],
    ['no tag', (it) => (service(it, 'temporal-ui').image = 'temporalio/ui'), 'not pinned'],
    ['no health check', (it) => delete service(it, 'worker').healthcheck, 'without a health check'],
    [
      'a health check switched off',
      (it) => (service(it, 'api').healthcheck = { disable: true }),
      'without a health check',
    ],
    [
      'a migration nobody waits for',
      (it) => {
        for (const name of ['api', 'worker']) delete service(it, name).depends_on?.migrate;
      },
      'migrate: ends, and no service waits',
    ],
    [
      'a dependency that is gone',
      (it) => (service(it, 'api').depends_on = { db: { condition: 'service_healthy' } }),
      'db, which does not exist',
    ],
    [
      'a start before Postgres is healthy',
      (it) => (service(it, 'migrate').depends_on = { postgres: { condition: 'service_started' } }),
      'not service_healthy',
    ],
    ['an undeclared volume', (it) => (it.volumes = {}), 'volume postgres-data is not declared'],
    ['a volume nobody uses', (it) => (it.volumes = { ...it.volumes, old: null }), 'old is used by nobody'],
    [
      'a mounted file that is gone',
      (it) => (service(it, 'temporal').volumes = ['./docker/gone.yaml:/etc/x:ro']),
      'does not exist',
    ],
    [
      'a writable mount of the repository',
      (it) => (service(it, 'temporal-schema').volumes = ['./docker/temporal:/setup']),
      'may write',
    ],
    [
      'a password in the file',
      (it) => {
        setEnvironment(it, 'postgres', { POSTGRES_PASSWORD: 'postgres' });
      },
      'POSTGRES_PASSWORD is not a required variable',
    ],
    [
      'a default for a secret',
      (it) => {
        setEnvironment(it, 'api', { KESSAI_CODE_PEPPER: '${KESSAI_CODE_PEPPER:-AAAA}' });
      },
      'KESSAI_CODE_PEPPER is not a required variable',
    ],
    [
      'a password in a URL',
      (it) => {
        setEnvironment(it, 'worker', { DATABASE_URL: 'postgres://kessai:kessai@postgres/kessai' });
      },
      'DATABASE_URL is not a required variable',
    ],
    ['a port for the world', (it) => (service(it, 'temporal').ports = ['7233:7233']), 'beyond this machine'],
    [
      'a duration without unit',
      (it) => (service(it, 'api').stop_grace_period = '30'),
      '"30" is not a duration',
    ],
    ['root', (it) => (service(it, 'postgres').user = 'root'), 'runs as root'],
    ['capabilities', (it) => delete service(it, 'api').cap_drop, 'keeps capabilities'],
  ])('the check sees %s', (_title, change, fault) => {
    expect(composeFaults(broken(change)).join('\n')).toContain(fault);
  });
});

describe('our programs in it', () => {
  test('get every variable they need, no other, and find what they connect to', () => {
    expect(kessaiFaults(compose)).toEqual([]);
  });

  test.each<[string, (copy: Compose) => void, string]>([
    [
      'a variable that is missing',
      (it) => {
        dropEnvironment(it, 'worker', 'KESSAI_DATA_KEY');
      },
      'KESSAI_DATA_KEY is not set',
    ],
    [
      'a variable that is missing in the API',
      (it) => {
        dropEnvironment(it, 'api', 'KESSAI_CODE_PEPPER');
      },
      'KESSAI_CODE_PEPPER is not set',
    ],
    [
      'a misspelt variable',
      (it) => {
        setEnvironment(it, 'api', { LOGLEVEL: 'debug' });
      },
      'nothing reads LOGLEVEL',
    ],
    [
      'a value it refuses',
      (it) => {
        setEnvironment(it, 'api', { LOG_LEVEL: 'loud' });
      },
      'LOG_LEVEL',
    ],
    [
      'a Postgres that is not there',
      (it) => {
        for (const name of ['api', 'worker', 'migrate'])
          setEnvironment(it, name, { DATABASE_URL: 'postgres://kessai:b2@db:5432/kessai' });
      },
      'no service "db"',
    ],
    [
      'a Temporal that is not there',
      (it) => {
        setEnvironment(it, 'worker', { TEMPORAL_ADDRESS: 'localhost:7233' });
      },
      'no service "localhost"',
    ],
    [
      'another port than its health check asks',
      (it) => {
        setEnvironment(it, 'worker', { WORKER_METRICS_PORT: '9100' });
      },
      'it listens on 9100',
    ],
    [
      'a published port that leads nowhere',
      (it) => (service(it, 'api').ports = ['127.0.0.1:3000:8080']),
      'leads nowhere',
    ],
    [
      'a program that is gone',
      (it) => (service(it, 'migrate').command = ['node', 'dist/db/migrations.js']),
      'none of our programs',
    ],
    [
      'two namespaces',
      (it) => {
        setEnvironment(it, 'temporal-namespace', { TEMPORAL_NAMESPACE: 'default' });
      },
      'the same TEMPORAL_NAMESPACE',
    ],
  ])('the check sees %s', (_title, change, fault) => {
    expect(kessaiFaults(broken(change)).join('\n')).toContain(fault);
  });
});

describe('docs/deploy.md', () => {
  test('tells of every variable that our programs read, and of every one that compose asks for', async () => {
    const text = await readFile(join(root, 'docs/deploy.md'), 'utf8');
    const missing = [...variablesRead(), ...Object.keys(SAMPLE_ENV)].filter(
      (name) => !text.includes(`\`${name}\``),
    );
    expect(missing).toEqual([]);
  });
});

describe('what the one-shots set up', () => {
  test('search attributes are those of the code, by name and type', async () => {
    const text = await readFile(join(root, 'docker/temporal/search-attributes.txt'), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines).toEqual(SEARCH_ATTRIBUTES.map(([name, type]) => `${name} ${type}`));
  });

  test('roles and databases are those that Kessai and Temporal connect with', async () => {
    const script = await readFile(join(root, 'docker/postgres/create-databases.sh'), 'utf8');
    const url = new URL(environmentOf(service(compose, 'api')).DATABASE_URL ?? '');
    expect(script).toContain(`create role ${url.username} login password :'kessai_password'`);
    expect(script).toContain(`create database ${url.pathname.slice(1)} owner ${url.username};`);
    const temporal = environmentOf(service(compose, 'temporal'));
    const schema = environmentOf(service(compose, 'temporal-schema'));
    expect(script).toContain(`create role ${temporal.POSTGRES_USER ?? ''} login`);
    expect([schema.SQL_USER, schema.SQL_PASSWORD, schema.SQL_HOST, schema.SQL_PLUGIN]).toEqual([
      temporal.POSTGRES_USER,
      temporal.POSTGRES_PWD,
      temporal.POSTGRES_SEEDS,
      temporal.DB,
    ]);
    for (const database of ['temporal', 'temporal_visibility'])
      expect(script).toContain(`create database ${database} owner ${temporal.POSTGRES_USER ?? ''};`);
  });

  test("the schema is that of the server's own version", () => {
    const version = (name: string): string | undefined => service(compose, name).image?.split(':')[1];
    expect(version('temporal-schema')).toBe(version('temporal'));
    expect(version('temporal-namespace')).toBe(version('temporal'));
  });
});

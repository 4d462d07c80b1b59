import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { createCodeDigester } from '../../db/code-digest.ts';
import { readApiConfig } from '../../api/config.ts';
import { createSealer } from '../../db/sealed.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import { environmentOf, interpolate, root, SAMPLE_ENV, type Compose, type Service } from './compose-file.ts';

/** The services that run our image. */
const OURS = ['migrate', 'worker', 'api'] as const;
type Ours = (typeof OURS)[number];

/** Reads an environment as the program does: throws its sentence, and tells which names it looked at. */
function readAs(ours: Ours, env: Record<string, string>): Set<string> {
  const looked = new Set<string>();
  const watched = new Proxy(env, {
    get(target, name) {
      if (typeof name === 'string') looked.add(name);
      return Reflect.get(target, name) as unknown;
    },
    // The Temporal client also goes through all names, for a prefix that we do not use: not a look at each.
    ownKeys: () => [],
  });
  if (ours === 'migrate') {
    if (watched.DATABASE_URL === undefined) throw new Error('DATABASE_URL is not set');
    return looked;
  }
  loadClientConnectConfig({ overrideEnvVars: watched, disableFile: true });
  if (ours === 'worker') {
    const config = readWorkerConfig(watched);
    createSealer(config.dataKey, config.dataKeysOld);
    createCodeDigester(config.codePepper, config.codePeppersOld);
  } else {
    const config = readApiConfig(watched);
    createSealer(config.KESSAI_DATA_KEY, config.KESSAI_DATA_KEYS_OLD);
    createCodeDigester(config.KESSAI_CODE_PEPPER, config.KESSAI_CODE_PEPPERS_OLD);
  }
  return looked;
}

/** Every variable of our own that the API or the worker reads; the Temporal client has many more. */
export function variablesRead(): string[] {
  const env = { ...SAMPLE_ENV, DATABASE_URL: 'postgres://host/kessai' };
  const names = new Set([...readAs('api', env), ...readAs('worker', env)]);
  return [...names].filter((name) => !name.startsWith('TEMPORAL_'));
}

function environmentFaults(name: Ours, service: Service): string[] {
  const env = environmentOf(service);
  try {
    const looked = readAs(name, env);
    return Object.keys(env)
      .filter((variable) => !looked.has(variable))
      .map((variable) => `${name}: nothing reads ${variable}`);
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Hosts that its environment names are services of this file. */
function addressFaults(name: Ours, service: Service, compose: Compose): string[] {
  const env = environmentOf(service);
  const hosts = [
    URL.canParse(env.DATABASE_URL ?? '') ? new URL(env.DATABASE_URL ?? '').hostname : '',
    ...(name === 'migrate' ? [] : [env.TEMPORAL_ADDRESS?.split(':')[0] ?? '']),
  ];
  return hosts
    .filter((host) => compose.services[host] === undefined)
    .map((host) => `${name}: there is no service "${host}" to connect to`);
}

/** The port the program opens, the one its health check asks and the one published are the same. */
function portFaults(name: Ours, service: Service, variable: string): string[] {
  const port = environmentOf(service)[variable] ?? '';
  const faults: string[] = [];
  const asked = service.healthcheck?.test?.at(-1) ?? '';
  if (!asked.startsWith(`http://127.0.0.1:${port}/readyz`))
    faults.push(`${name}: its health check asks ${asked}, it listens on ${port}`);
  for (const published of service.ports ?? []) {
    if (!interpolate(published, SAMPLE_ENV).endsWith(`:${port}`))
      faults.push(`${name}: ${published} leads nowhere, it listens on ${port}`);
  }
  return faults;
}

function commandFaults(name: Ours, service: Service): string[] {
  const [command, file = ''] = service.command ?? [];
  const source = file.replace(/^dist\//, '').replace(/\.js$/, '.ts');
  return command === 'node' && file.startsWith('dist/') && existsSync(join(root, source))
    ? []
    : [`${name}: its command "${(service.command ?? []).join(' ')}" is none of our programs`];
}

/** What would keep our programs from starting or from finding each other in this deployment. */
export function kessaiFaults(compose: Compose): string[] {
  const faults: string[] = [];
  for (const name of OURS) {
    const service = compose.services[name];
    if (service === undefined) {
      faults.push(`${name}: missing`);
      continue;
    }
    faults.push(...environmentFaults(name, service), ...addressFaults(name, service, compose));
    faults.push(...commandFaults(name, service));
    if (name === 'worker') faults.push(...portFaults(name, service, 'WORKER_METRICS_PORT'));
    if (name === 'api') faults.push(...portFaults(name, service, 'PORT'));
  }
  const shared = (variable: string, services: readonly string[]): void => {
    const values = services.map((name) => compose.services[name]?.environment?.[variable]);
    if (new Set(values).size !== 1) faults.push(`${services.join(', ')}: not all have the same ${variable}`);
  };
  shared('DATABASE_URL', OURS);
  for (const variable of [
    'KESSAI_DATA_KEY',
    'KESSAI_DATA_KEYS_OLD',
    'KESSAI_CODE_PEPPER',
    'KESSAI_CODE_PEPPERS_OLD',
    'CODE_PREFIX',
    'KESSAI_VAPID_PUBLIC_KEY',
    'KESSAI_VAPID_SUBJECT',
    'KESSAI_PUSH_HOSTS',
  ])
    shared(variable, ['worker', 'api']);
  shared('TEMPORAL_NAMESPACE', ['worker', 'api', 'temporal-namespace']);
  return faults;
}

import { createECDH } from 'node:crypto';
import { DEFAULT_CODE_PREFIX } from '../domain/code/format.ts';
import { parsePushHosts, PUSH_HOSTS } from '../domain/push/endpoint.ts';
import {
  VAPID_PRIVATE_KEY,
  VAPID_PUBLIC_KEY,
  VAPID_SUBJECT,
  type PushSettings,
} from '../domain/push/vapid.ts';
import { DEFAULT_TASK_QUEUE } from '../workflows/task-queue.ts';
import { StartProblem } from '../api/start-problem.ts';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const SECRET = 'base64 of 32 bytes (openssl rand -base64 32)';
const SECRETS = 'base64 of 32 bytes each, with commas between';

export interface WorkerConfig {
  readonly databaseUrl: string;
  readonly dataKey: string;
  /** Former data keys, which open what they sealed and seal nothing. */
  readonly dataKeysOld: readonly string[];
  readonly codePepper: string;
  /** Former peppers, which find what they digested and digest nothing new. */
  readonly codePeppersOld: readonly string[];
  readonly codePrefix: string;
  readonly taskQueue: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** `/readyz` and `/metrics` of this worker; none if unset. */
  readonly metricsPort: number | undefined;
  readonly host: string;
  /** Turns on worker versioning: this worker takes only workflows of its build (docs/operators.md). */
  readonly buildId: string | undefined;
  /** None: push is off, messages are in the inbox only. */
  readonly push: PushSettings | undefined;
}

/** @throws {StartProblem} one sentence that names every variable that is missing or wrong */
export function readWorkerConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const faults: string[] = [];
  const required = (name: string, isRight: (value: string) => boolean, what: string): string => {
    const value = env[name] ?? '';
    if (value === '') faults.push(`${name} is not set`);
    else if (!isRight(value)) faults.push(`${name} must be ${what}`);
    return value;
  };
  const metricsPort = env.WORKER_METRICS_PORT;
  if (metricsPort !== undefined && !isPort(metricsPort)) faults.push('WORKER_METRICS_PORT is not a port');
  const logLevel = LOG_LEVELS.find((it) => it === (env.LOG_LEVEL ?? 'info'));
  if (logLevel === undefined) faults.push(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
  const former = (name: string): string[] => {
    const secrets = (env[name] ?? '').split(',').filter((it) => it !== '');
    if (!secrets.every(is32Bytes)) faults.push(`${name} must be ${SECRETS}`);
    return secrets;
  };
  const codePrefix = env.CODE_PREFIX ?? DEFAULT_CODE_PREFIX;
  if (!/^\d{6}$/.test(codePrefix)) faults.push('CODE_PREFIX must be 6 digits');
  const push = readPush(env, faults);
  const config: WorkerConfig = {
    databaseUrl: required('DATABASE_URL', isPostgresUrl, 'a URL that begins with postgres://'),
    dataKey: required('KESSAI_DATA_KEY', is32Bytes, SECRET),
    dataKeysOld: former('KESSAI_DATA_KEYS_OLD'),
    codePepper: required('KESSAI_CODE_PEPPER', is32Bytes, SECRET),
    codePeppersOld: former('KESSAI_CODE_PEPPERS_OLD'),
    codePrefix,
    taskQueue: env.KESSAI_TASK_QUEUE ?? DEFAULT_TASK_QUEUE,
    logLevel: logLevel ?? 'info',
    metricsPort: metricsPort === undefined ? undefined : Number(metricsPort),
    host: env.HOST ?? '0.0.0.0',
    buildId: env.KESSAI_BUILD_ID,
    push,
  };
  if (faults.length > 0) throw new StartProblem('worker', faults.join('; '));
  return config;
}

/** Push is on where its keys and whom to ask about them are set; an empty setting is none. */
function readPush(env: NodeJS.ProcessEnv, faults: string[]): PushSettings | undefined {
  const optional = (name: string, value: string | undefined, shape: RegExp, what: string): string => {
    if (value === undefined || value === '') return '';
    if (!shape.test(value)) faults.push(`${name} must be ${what}`);
    return value;
  };
  const publicKey = optional(
    'KESSAI_VAPID_PUBLIC_KEY',
    env.KESSAI_VAPID_PUBLIC_KEY,
    VAPID_PUBLIC_KEY,
    'a VAPID key of 65 bytes in base64url',
  );
  const privateKey = optional(
    'KESSAI_VAPID_PRIVATE_KEY',
    env.KESSAI_VAPID_PRIVATE_KEY,
    VAPID_PRIVATE_KEY,
    'a VAPID key of 32 bytes in base64url',
  );
  const subject = optional(
    'KESSAI_VAPID_SUBJECT',
    env.KESSAI_VAPID_SUBJECT,
    VAPID_SUBJECT,
    'mailto: or https:, of whoever runs this',
  );
  const hosts = parsePushHosts(env.KESSAI_PUSH_HOSTS ?? '');
  if (hosts === undefined) faults.push('KESSAI_PUSH_HOSTS must be hosts with commas between');
  if (publicKey === '' || subject === '') return undefined;
  if (privateKey === '') faults.push('KESSAI_VAPID_PRIVATE_KEY is not set');
  else if (faults.length === 0 && publicKeyOf(privateKey) !== publicKey)
    faults.push('KESSAI_VAPID_PUBLIC_KEY is not that of KESSAI_VAPID_PRIVATE_KEY');
  return {
    vapid: { publicKey, privateKey, subject },
    hosts: hosts === undefined || hosts.length === 0 ? PUSH_HOSTS : hosts,
  };
}

function publicKeyOf(privateKey: string): string {
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(privateKey, 'base64url');
  return pair.getPublicKey('base64url');
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

function isPostgresUrl(text: string): boolean {
  return /^(postgres|postgresql|socket):/.test(text) && URL.canParse(text);
}

function is32Bytes(text: string): boolean {
  return Buffer.from(text, 'base64').length === 32;
}

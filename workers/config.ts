import { DEFAULT_CODE_PREFIX } from '../domain/code/format.ts';
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
  readonly codePrefix: string;
  readonly taskQueue: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** `/readyz` and `/metrics` of this worker; none if unset. */
  readonly metricsPort: number | undefined;
  readonly host: string;
  /** Turns on worker versioning: this worker takes only workflows of its build (docs/operators.md). */
  readonly buildId: string | undefined;
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
  const dataKeysOld = (env.KESSAI_DATA_KEYS_OLD ?? '').split(',').filter((it) => it !== '');
  if (!dataKeysOld.every(is32Bytes)) faults.push(`KESSAI_DATA_KEYS_OLD must be ${SECRETS}`);
  const codePrefix = env.CODE_PREFIX ?? DEFAULT_CODE_PREFIX;
  if (!/^\d{6}$/.test(codePrefix)) faults.push('CODE_PREFIX must be 6 digits');
  const config: WorkerConfig = {
    databaseUrl: required('DATABASE_URL', isPostgresUrl, 'a URL that begins with postgres://'),
    dataKey: required('KESSAI_DATA_KEY', is32Bytes, SECRET),
    dataKeysOld,
    codePepper: required('KESSAI_CODE_PEPPER', is32Bytes, SECRET),
    codePrefix,
    taskQueue: env.KESSAI_TASK_QUEUE ?? DEFAULT_TASK_QUEUE,
    logLevel: logLevel ?? 'info',
    metricsPort: metricsPort === undefined ? undefined : Number(metricsPort),
    host: env.HOST ?? '0.0.0.0',
    buildId: env.KESSAI_BUILD_ID,
  };
  if (faults.length > 0) throw new StartProblem('worker', faults.join('; '));
  return config;
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

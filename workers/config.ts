import { DEFAULT_TASK_QUEUE } from '../workflows/task-queue.ts';

export interface WorkerConfig {
  readonly databaseUrl: string;
  readonly dataKey: string;
  readonly taskQueue: string;
  readonly logLevel: string;
  /** `/readyz` and `/metrics` of this worker; none if unset. */
  readonly metricsPort: number | undefined;
  readonly host: string;
  /** Turns on worker versioning: this worker takes only workflows of its build (docs/operators.md). */
  readonly buildId: string | undefined;
}

/** @throws one sentence that names every variable that is missing or wrong */
export function readWorkerConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const faults: string[] = [];
  const required = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') faults.push(`${name} is not set`);
    return value ?? '';
  };
  const metricsPort = env.WORKER_METRICS_PORT;
  if (metricsPort !== undefined && !/^\d{1,5}$/.test(metricsPort))
    faults.push('WORKER_METRICS_PORT is not a port');
  const config: WorkerConfig = {
    databaseUrl: required('DATABASE_URL'),
    dataKey: required('KESSAI_DATA_KEY'),
    taskQueue: env.KESSAI_TASK_QUEUE ?? DEFAULT_TASK_QUEUE,
    logLevel: env.LOG_LEVEL ?? 'info',
    metricsPort: metricsPort === undefined ? undefined : Number(metricsPort),
    host: env.HOST ?? '0.0.0.0',
    buildId: env.KESSAI_BUILD_ID,
  };
  if (faults.length > 0) throw new Error(`The worker cannot start: ${faults.join('; ')}.`);
  return config;
}

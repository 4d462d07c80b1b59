import { z } from 'zod';
import { DEFAULT_CODE_PREFIX } from '../domain/code/format.ts';
import { DEFAULT_TASK_QUEUE } from '../workflows/task-queue.ts';

const environment = z.object({
  DATABASE_URL: z.string().min(1),
  KESSAI_DATA_KEY: z.string().min(1),
  KESSAI_CODE_PEPPER: z.string().min(1),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  HOST: z.string().default('0.0.0.0'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  CODE_PREFIX: z
    .string()
    .regex(/^\d{6}$/, '6 digits')
    .default(DEFAULT_CODE_PREFIX),
  KESSAI_TASK_QUEUE: z.string().min(1).default(DEFAULT_TASK_QUEUE),
});
export type ApiConfig = z.output<typeof environment>;

/** @throws one sentence that names every variable that is missing or wrong */
export function readApiConfig(env: NodeJS.ProcessEnv): ApiConfig {
  const result = environment.safeParse(env);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) =>
    issue.message.endsWith('received undefined')
      ? `${issue.path.join('.')} is not set`
      : `${issue.path.join('.')}: ${issue.message}`,
  );
  throw new Error(`The API cannot start: ${faults.join('; ')}.`);
}

import { z } from 'zod';
import { DEFAULT_CODE_PREFIX } from '../domain/code/format.ts';
import { parsePushHosts, PUSH_HOSTS } from '../domain/push/endpoint.ts';
import { VAPID_PUBLIC_KEY, VAPID_SUBJECT } from '../domain/push/vapid.ts';
import { DEFAULT_TASK_QUEUE } from '../workflows/task-queue.ts';
import type { PushSettings } from './deps.ts';
import { StartProblem } from './start-problem.ts';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const secret = z
  .string()
  .refine(
    (text) => Buffer.from(text, 'base64').length === 32,
    'must be base64 of 32 bytes (openssl rand -base64 32)',
  );

const oldSecrets = z
  .string()
  .transform((text) => text.split(',').filter((it) => it !== ''))
  .refine(
    (keys) => keys.every((it) => Buffer.from(it, 'base64').length === 32),
    'must be base64 of 32 bytes each, with commas between',
  );

/** An empty setting is none: Compose passes on what is not set as that. */
const optional = (shape: RegExp, what: string) =>
  z
    .string()
    .refine((text) => text === '' || shape.test(text), what)
    .transform((text) => (text === '' ? undefined : text))
    .optional();

const pushHosts = z
  .string()
  .transform((text, context) => {
    const hosts = parsePushHosts(text);
    if (hosts === undefined) context.addIssue('must be hosts with commas between');
    return hosts === undefined || hosts.length === 0 ? PUSH_HOSTS : hosts;
  })
  .default(PUSH_HOSTS);

const environment = z.object({
  DATABASE_URL: z
    .string()
    .refine(
      (text) => /^(postgres|postgresql|socket):/.test(text) && URL.canParse(text),
      'must be a URL that begins with postgres://',
    ),
  KESSAI_DATA_KEY: secret,
  KESSAI_DATA_KEYS_OLD: oldSecrets.default([]),
  KESSAI_CODE_PEPPER: secret,
  KESSAI_CODE_PEPPERS_OLD: oldSecrets.default([]),
  PORT: z.coerce
    .number('is not a port')
    .int('is not a port')
    .min(0, 'is not a port')
    .max(65_535, 'is not a port')
    .default(3000),
  HOST: z.string().default('0.0.0.0'),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  CODE_PREFIX: z
    .string()
    .regex(/^\d{6}$/, 'must be 6 digits')
    .default(DEFAULT_CODE_PREFIX),
  KESSAI_TASK_QUEUE: z.string().min(1).default(DEFAULT_TASK_QUEUE),
  KESSAI_BUILD_ID: z.string().min(1).optional(),
  KESSAI_VAPID_PUBLIC_KEY: optional(VAPID_PUBLIC_KEY, 'must be a VAPID key of 65 bytes in base64url'),
  KESSAI_VAPID_SUBJECT: optional(VAPID_SUBJECT, 'must be mailto: or https:, of whoever runs this'),
  KESSAI_PUSH_HOSTS: pushHosts,
});
export type ApiConfig = z.output<typeof environment>;

/** Push is on where both its key and whom to ask about it are set. */
export function pushSettings(config: ApiConfig): PushSettings | undefined {
  const {
    KESSAI_VAPID_PUBLIC_KEY: publicKey,
    KESSAI_VAPID_SUBJECT: subject,
    KESSAI_PUSH_HOSTS: hosts,
  } = config;
  return publicKey === undefined || subject === undefined ? undefined : { publicKey, hosts };
}

/** @throws {StartProblem} one sentence that names every variable that is missing or wrong */
export function readApiConfig(env: NodeJS.ProcessEnv): ApiConfig {
  const result = environment.safeParse(env);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return env[name] === undefined || env[name] === '' ? `${name} is not set` : `${name} ${message}`;
  });
  throw new StartProblem('API', faults.join('; '));
}

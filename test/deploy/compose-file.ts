import { createECDH } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The part of the Compose format that our file uses; the schema test holds the file to the whole of it. */
export interface Service {
  image?: string;
  build?: string;
  user?: string;
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean; interval?: string; timeout?: string };
  stop_grace_period?: string;
  restart?: string;
  cap_drop?: string[];
}

export interface Compose {
  services: Record<string, Service>;
  volumes?: Record<string, unknown>;
}

/** The file as written, merge keys resolved, variables not yet replaced. */
export async function readCompose(): Promise<Compose> {
  const text = await readFile(join(root, 'docker-compose.yml'), 'utf8');
  return parse(text, { merge: true }) as Compose;
}

const SAMPLE_SCALAR = Buffer.alloc(32, 3);
const SAMPLE_PAIR = createECDH('prime256v1');
SAMPLE_PAIR.setPrivateKey(SAMPLE_SCALAR);

/** What `docker/make-env.sh` writes, with other secrets. */
export const SAMPLE_ENV: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: 'a1',
  KESSAI_DB_PASSWORD: 'b2',
  TEMPORAL_DB_PASSWORD: 'c3',
  KESSAI_DATA_KEY: Buffer.alloc(32, 1).toString('base64'),
  KESSAI_CODE_PEPPER: Buffer.alloc(32, 2).toString('base64'),
  KESSAI_VAPID_PUBLIC_KEY: SAMPLE_PAIR.getPublicKey('base64url'),
  KESSAI_VAPID_PRIVATE_KEY: SAMPLE_SCALAR.toString('base64url'),
};

/** Compose's `$$`, `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; an unset name without default throws. */
export function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (whole: string, name: string | undefined, operator: string | undefined, operand: string | undefined) => {
      if (name === undefined) return '$';
      const value = env[name] ?? '';
      if (value !== '') return value;
      if (operator === '-') return operand ?? '';
      throw new Error(`${whole}: ${name} is not set`);
    },
  );
}

/** The environment a service's process would get. */
export function environmentOf(service: Service, env = SAMPLE_ENV): Record<string, string> {
  const entries = Object.entries(service.environment ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, interpolate(value, env)]));
}

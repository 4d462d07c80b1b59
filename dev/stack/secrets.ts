import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { SetupProblem } from '../setup-problem.ts';
import { paths } from './folders.ts';

/** The 32-byte keys that the processes take from their environment, base64. */
export interface Secrets {
  readonly KESSAI_DATA_KEY: string;
  readonly KESSAI_CODE_PEPPER: string;
  /** Of the reference issuer's own staff. */
  readonly ISSUER_ADMIN_KEY: string;
}

/** Writes a file that only its owner can read, whole or not at all. */
export async function writePrivately(file: string, content: unknown): Promise<void> {
  const fresh = `${file}.new`;
  await writeFile(fresh, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(fresh, file);
}

/** Reads a JSON object; undefined when there is no such file. */
export async function readObject(file: string): Promise<Record<string, unknown> | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Said below.
  }
  throw new SetupProblem(`${file} is not a JSON object any more: restore it, or run "npm run dev:reset".`);
}

/** The stack's keys: from the environment where set, else from a file made at the first start. */
export async function loadSecrets(): Promise<Secrets> {
  const file = await readObject(paths.secrets);
  const secretOf = (name: keyof Secrets): string => {
    const kept = file?.[name];
    return typeof kept === 'string' ? kept : randomBytes(32).toString('base64');
  };
  const kept = {
    KESSAI_DATA_KEY: secretOf('KESSAI_DATA_KEY'),
    KESSAI_CODE_PEPPER: secretOf('KESSAI_CODE_PEPPER'),
    ISSUER_ADMIN_KEY: secretOf('ISSUER_ADMIN_KEY'),
  };
  await writePrivately(paths.secrets, { ...file, ...kept });
  const given = (name: keyof Secrets): string => {
    const value = process.env[name];
    return value === undefined || value === '' ? kept[name] : value;
  };
  return {
    KESSAI_DATA_KEY: given('KESSAI_DATA_KEY'),
    KESSAI_CODE_PEPPER: given('KESSAI_CODE_PEPPER'),
    ISSUER_ADMIN_KEY: given('ISSUER_ADMIN_KEY'),
  };
}

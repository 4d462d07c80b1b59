import { createECDH, randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { SetupProblem } from '../setup-problem.ts';
import { paths } from './folders.ts';

/** The keys that the processes take from their environment: base64 of 32 bytes, and a pair of P-256 in base64url. */
export interface Secrets {
  readonly KESSAI_DATA_KEY: string;
  readonly KESSAI_CODE_PEPPER: string;
  /** Of the reference issuer's own staff. */
  readonly ISSUER_ADMIN_KEY: string;
  /** Of the reference parking operator's own staff. */
  readonly PARKING_ADMIN_KEY: string;
  /** A pair: what push services know this stack by. */
  readonly KESSAI_VAPID_PUBLIC_KEY: string;
  readonly KESSAI_VAPID_PRIVATE_KEY: string;
}

type VapidKey = 'KESSAI_VAPID_PUBLIC_KEY' | 'KESSAI_VAPID_PRIVATE_KEY';

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
  const kept: Secrets = {
    ...vapidPairOf(file),
    KESSAI_DATA_KEY: secretOf('KESSAI_DATA_KEY'),
    KESSAI_CODE_PEPPER: secretOf('KESSAI_CODE_PEPPER'),
    ISSUER_ADMIN_KEY: secretOf('ISSUER_ADMIN_KEY'),
    PARKING_ADMIN_KEY: secretOf('PARKING_ADMIN_KEY'),
  };
  await writePrivately(paths.secrets, { ...file, ...kept });
  const given = (name: keyof Secrets): string => {
    const value = process.env[name];
    return value === undefined || value === '' ? kept[name] : value;
  };
  // The pair comes whole from one place.
  const isPairGiven = (process.env.KESSAI_VAPID_PRIVATE_KEY ?? '') !== '';
  return {
    KESSAI_VAPID_PUBLIC_KEY: isPairGiven
      ? (process.env.KESSAI_VAPID_PUBLIC_KEY ?? '')
      : kept.KESSAI_VAPID_PUBLIC_KEY,
    KESSAI_VAPID_PRIVATE_KEY: isPairGiven
      ? (process.env.KESSAI_VAPID_PRIVATE_KEY ?? '')
      : kept.KESSAI_VAPID_PRIVATE_KEY,
    KESSAI_DATA_KEY: given('KESSAI_DATA_KEY'),
    KESSAI_CODE_PEPPER: given('KESSAI_CODE_PEPPER'),
    ISSUER_ADMIN_KEY: given('ISSUER_ADMIN_KEY'),
    PARKING_ADMIN_KEY: given('PARKING_ADMIN_KEY'),
  };
}

/** The pair that was made at the first start; a new one would end every subscription. */
function vapidPairOf(file: Record<string, unknown> | undefined): Pick<Secrets, VapidKey> {
  const { KESSAI_VAPID_PUBLIC_KEY: publicKey, KESSAI_VAPID_PRIVATE_KEY: privateKey } = file ?? {};
  if (typeof publicKey === 'string' && typeof privateKey === 'string')
    return { KESSAI_VAPID_PUBLIC_KEY: publicKey, KESSAI_VAPID_PRIVATE_KEY: privateKey };
  const pair = createECDH('prime256v1');
  const made = pair.generateKeys('base64url');
  // Node drops leading zero bytes of a private key; services and browsers want all 32.
  const scalar = pair.getPrivateKey();
  const padded = Buffer.concat([Buffer.alloc(32 - scalar.length), scalar]);
  return { KESSAI_VAPID_PUBLIC_KEY: made, KESSAI_VAPID_PRIVATE_KEY: padded.toString('base64url') };
}

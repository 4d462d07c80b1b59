import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 1;

/** Seals secrets that must be read again (webhook secrets, offline keys) with AES-256-GCM. */
export interface Sealer {
  /** `context` is bound to the result: a sealed value moved to another row does not open. */
  seal(plain: Uint8Array, context: string): Buffer;
  /** @throws if no key opens it: it was sealed with another one, for another context, or has been changed */
  open(sealed: Uint8Array, context: string): Buffer;
  /** Whether the current data key opens it, without help of an old one. */
  isCurrent(sealed: Uint8Array, context: string): boolean;
}

/**
 * @param dataKey base64 of 32 bytes, from KESSAI_DATA_KEY: seals and opens
 * @param oldKeys the same, from KESSAI_DATA_KEYS_OLD: open only
 * @throws if one is anything else
 */
export function createSealer(dataKey: string, oldKeys: readonly string[] = []): Sealer {
  const key = readKey(dataKey, 'KESSAI_DATA_KEY');
  const keys = [key, ...oldKeys.map((it) => readKey(it, 'KESSAI_DATA_KEYS_OLD'))];
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, context) {
      for (const candidate of keys) {
        const plain = openWith(candidate, sealed, context);
        if (plain !== undefined) return plain;
      }
      throw new Error('a sealed value opens with none of the data keys');
    },
    isCurrent: (sealed, context) => openWith(key, sealed, context) !== undefined,
  };
}

function readKey(text: string, name: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32) throw new Error(`${name} must be base64 of 32 bytes (openssl rand -base64 32)`);
  return key;
}

/** What was sealed, or undefined if it was with another key, for another context, or has been changed. */
function openWith(key: Buffer, sealed: Uint8Array, context: string): Buffer | undefined {
  const bytes = Buffer.from(sealed);
  if (bytes[0] !== VERSION) throw new Error('sealed value of an unknown version');
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
  const tag = bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(context))
    .setAuthTag(tag);
  const body = decipher.update(bytes.subarray(1 + NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([body, decipher.final()]);
  } catch {
    return undefined;
  }
}

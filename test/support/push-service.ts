import {
  createDecipheriv,
  createECDH,
  createHmac,
  createPublicKey,
  randomBytes,
  verify,
  type ECDH,
} from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from './stack.ts';

const MAX_BODY_BYTES = 4_096;

/** What a browser's service worker is given. */
export interface PushedMessage {
  readonly messageId: string;
  readonly kind: string;
  readonly title: string;
  readonly body?: string;
  readonly link: string;
  readonly tag: string;
  readonly [more: string]: unknown;
}

/** A push that the service took: headers as they came, the payload as the browser reads it. */
export interface ReceivedPush {
  readonly ttl: number;
  readonly urgency: string | undefined;
  readonly topic: string | undefined;
  /** Subject of the VAPID token. */
  readonly subject: string;
  readonly payload: PushedMessage;
  readonly bytes: number;
}

/** A browser that has subscribed. */
export interface FakeBrowser {
  /** As `PushSubscription.toJSON()`. */
  readonly subscription: {
    readonly endpoint: string;
    readonly expirationTime: null;
    readonly keys: { readonly p256dh: string; readonly auth: string };
  };
  /** What it was sent, whatever was answered. */
  readonly requests: { readonly at: number; readonly status: number }[];
  readonly received: ReceivedPush[];
  /** What stands on the screen: one notification a tag. */
  notifications(): PushedMessage[];
  /** What the service would hand over to a phone that has been off since the beginning: the latest of each topic. */
  undelivered(): PushedMessage[];
  /** Answers so to the next requests, once each; then as before. */
  answerOnce(...answers: readonly PushAnswer[]): void;
  /** Answers so from now on. */
  answerWith(answer: PushAnswer | undefined): void;
}

export interface PushAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Takes the message all the same before it answers so, as a service whose answer is lost. */
  readonly takes?: boolean;
  /** Waits for this before it answers. */
  readonly after?: Promise<unknown>;
}

/** A push service (RFC 8030) with its browsers, on loopback; checks VAPID (RFC 8292) and decrypts (RFC 8291) without our library. */
export interface PushService {
  /** As the allow-list has it. */
  readonly host: string;
  subscribe(applicationServerKey: string): FakeBrowser;
  close(): void;
}

interface Browser extends FakeBrowser {
  readonly ecdh: ECDH;
  readonly auth: Buffer;
  readonly applicationServerKey: string;
  readonly once: PushAnswer[];
  always: PushAnswer | undefined;
}

export async function startPushService(): Promise<PushService> {
  const browsers = new Map<string, Browser>();
  const server = await listen(
    createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        void answer(request, Buffer.concat(chunks), response);
      });
    }),
  );
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const origin = `http://${host}`;

  async function answer(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const browser = browsers.get(request.url?.split('/').at(-1) ?? '');
    const end = (status: number, headers: Record<string, string> = {}): void => {
      browser?.requests.push({ at: Date.now(), status });
      response.writeHead(status, headers).end();
    };
    if (request.method !== 'POST' || browser === undefined) {
      end(404);
      return;
    }
    const forced = browser.once.shift() ?? browser.always;
    const take = (): number => {
      if (request.headers.ttl === undefined) return 400;
      if (body.length > MAX_BODY_BYTES) return 413;
      const subject = vapidSubject(request.headers.authorization, origin, browser.applicationServerKey);
      if (subject === undefined) return 403;
      browser.received.push({
        ttl: Number(request.headers.ttl),
        urgency: one(request.headers.urgency),
        topic: one(request.headers.topic),
        subject,
        payload: JSON.parse(decrypt(body, browser).toString()) as PushedMessage,
        bytes: body.length,
      });
      return 201;
    };
    if (forced === undefined) {
      end(take(), { location: `${origin}/message/1` });
      return;
    }
    if (forced.takes === true) take();
    await forced.after;
    end(forced.status, forced.headers);
  }

  return {
    host,
    subscribe(applicationServerKey) {
      const id = randomBytes(12).toString('hex');
      const ecdh = createECDH('prime256v1');
      ecdh.generateKeys();
      const auth = randomBytes(16);
      const browser: Browser = {
        ecdh,
        auth,
        applicationServerKey,
        once: [],
        always: undefined,
        subscription: {
          endpoint: `${origin}/push/${id}`,
          expirationTime: null,
          keys: { p256dh: ecdh.getPublicKey('base64url'), auth: auth.toString('base64url') },
        },
        requests: [],
        received: [],
        notifications: () => latestBy(browser.received, (it) => it.payload.tag),
        undelivered: () => latestBy(browser.received, (it) => it.topic ?? it.payload.messageId),
        answerOnce(...answers) {
          browser.once.push(...answers);
        },
        answerWith(it) {
          browser.always = it;
        },
      };
      browsers.set(id, browser);
      return browser;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function latestBy(received: readonly ReceivedPush[], keyOf: (it: ReceivedPush) => string): PushedMessage[] {
  return [...new Map(received.map((it) => [keyOf(it), it.payload])).values()];
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** RFC 8292: a token signed by the key that the browser subscribed with, for this origin, of at most a day. */
function vapidSubject(authorization: string | undefined, origin: string, key: string): string | undefined {
  const match = /^vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), ?k=([\w-]+)$/.exec(authorization ?? '');
  const [, head = '', claims = '', signature = '', k = ''] = match ?? [];
  if (k !== key) return undefined;
  const point = Buffer.from(k, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((it) => it.toString('base64url'));
  const publicKey = createPublicKey({
    format: 'jwk',
    key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' },
  });
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  const it = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
    aud: string;
    exp: number;
    sub: string;
  };
  const nowS = Date.now() / 1000;
  const isGood = isSigned && it.aud === origin && it.exp > nowS && it.exp <= nowS + 86_400;
  return isGood ? it.sub : undefined;
}

/** RFC 8291 section 3.4 and RFC 8188 for one record, as a browser does it. */
function decrypt(body: Buffer, { ecdh, auth }: Browser): Buffer {
  const salt = body.subarray(0, 16);
  const keyLength = body.readUInt8(20);
  const senderKey = body.subarray(21, 21 + keyLength);
  const record = body.subarray(21 + keyLength);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), senderKey]);
  const ikm = expand(hmac(auth, ecdh.computeSecret(senderKey)), info, 32);
  const prk = hmac(salt, ikm);
  const key = expand(prk, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const nonce = expand(prk, Buffer.from('Content-Encoding: nonce\0'), 12);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(record.subarray(-16));
  const padded = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
  const end = padded.lastIndexOf(2);
  return padded.subarray(0, end);
}

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** HKDF-Expand of one block (RFC 5869). */
function expand(prk: Buffer, info: Buffer, length: number): Buffer {
  return hmac(prk, Buffer.concat([info, Buffer.of(1)])).subarray(0, length);
}

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { createParkingOperatorApp } from '../../partners/parking-operator/app.ts';
import { startDeliverer } from '../../partners/parking-operator/deliver.ts';
import type { MachineAnswer } from '../../partners/parking-operator/machine.ts';
import { migrate } from '../../partners/parking-operator/migrate.ts';
import type { ParkingFault } from '../../partners/parking-operator/schemas.ts';
import type { SpaceView, StayView } from '../../partners/parking-operator/views.ts';
import { createPool } from '../../partners/shared/database.ts';
import { apiClient, type Answer, type ApiCall } from './client.ts';
import { expectStatus, uniqueId } from './givens.ts';
import { listen } from './stack.ts';

/** Which stay is meant: by its space, or by its ticket or plate. */
export interface StayAt {
  readonly placeId: string;
  readonly space?: string;
  readonly credential?: string;
}

/** A reference parking operator of a test's own, over HTTP. */
export interface TestParkingOperator {
  readonly baseUrl: string;
  readonly adminKey: string;
  /** With the key of the operator's own staff. */
  readonly admin: ApiCall;
  /** What the operator takes the time for. */
  now(): Date;
  /** Lets its time pass; the clock never runs by itself once it was moved. */
  advance(ms: number): void;
  /** A place with spaces 1, 2, …: 300 yen for 30 minutes, at most 2,000 in 24 hours, 5 minutes to leave. */
  place(it?: {
    placeId?: string;
    spaces?: number;
    acceptsOtherFees?: boolean;
    tariff?: object;
  }): Promise<string>;
  /** A car comes in; gives the session. */
  enter(it: StayAt & { at?: Date }): Promise<string>;
  leave(it: StayAt): Promise<Answer>;
  payAtMachine(it: StayAt, machinePaymentId?: string): Promise<MachineAnswer>;
  /** The staff opens by hand. */
  openByHand(it: StayAt): Promise<void>;
  /** The stay with its lock, payments and openings, past every fault. */
  stay(sessionId: string): Promise<OnWire<StayView>>;
  spaces(placeId: string): Promise<OnWire<SpaceView>[]>;
  /** A call as Kessai signs it. */
  signed<Body = Record<string, unknown>>(
    path: string,
    body: unknown,
    it?: { secrets?: string[]; at?: Date; sentBody?: string; signal?: AbortSignal },
  ): Promise<Answer<Body>>;
  /** Switches faults on, instead of those before; none heals it. */
  setFaults(...faults: ParkingFault[]): Promise<void>;
  /** Secrets that it accepts from now on. */
  trust(...secrets: string[]): Promise<void>;
  /** Where it sends stays and outcomes, with a key of role parking. */
  connect(kessai: { baseUrl: string; key: string }): Promise<void>;
  /** What Kessai has not accepted. */
  unaccepted(): Promise<Unaccepted[]>;
  close(): Promise<void>;
}

export interface Unaccepted {
  readonly subject: string;
  readonly attempts: number;
  readonly lastResult: string | null;
  readonly isRefused: boolean;
}

/** Times are strings in JSON. */
export type OnWire<T> = {
  readonly [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | null ? string | null : T[K];
};

export interface ParkingOperatorOptions {
  readonly port?: number;
  /** Where its time begins; else it is the system's until `advance`. */
  readonly now?: Date;
}

/** @param databaseUrl its tables go to the schema `parking_operator` there */
export async function startParkingOperator(
  databaseUrl: string,
  it: ParkingOperatorOptions = {},
): Promise<TestParkingOperator> {
  const pool = createPool(databaseUrl, 'test-parking-operator');
  await migrate(pool);
  const adminKey = randomBytes(24).toString('hex');
  const firstSecret = `whsec_${randomBytes(32).toString('base64')}`;
  let fixed = it.now;
  const clock = (): Date => fixed ?? new Date();
  const onError = (): void => undefined;
  const app = createParkingOperatorApp({ pool, adminKey, withFaults: true, onError, clock });
  const deliverer = startDeliverer({ pool, onError, maxDelayMs: 1_000 });
  const server = await listen(createServer(app), it.port);
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const admin = apiClient(baseUrl, adminKey);
  const ask = async <Body>(method: string, path: string, body?: unknown, status = 200): Promise<Body> => {
    const answer = await admin<Body>(method, path, body);
    expectStatus(answer, status);
    return answer.body;
  };
  const trust = async (...secrets: string[]): Promise<void> => {
    await ask('PUT', '/v1/signing-secrets', { secrets });
  };
  await trust(firstSecret);
  return {
    baseUrl,
    adminKey,
    admin,
    now: clock,
    advance(ms) {
      fixed = new Date(clock().getTime() + ms);
    },
    async place({ placeId = uniqueId('lot'), spaces = 3, acceptsOtherFees = false, tariff } = {}) {
      await ask('PUT', `/v1/places/${placeId}`, {
        name: 'Test Lot',
        spaces: Array.from({ length: spaces }, (_, i) => String(i + 1)),
        tariff: { unitMinutes: 30, unitAmount: 300, dayMaximum: 2_000, ...tariff },
        acceptsOtherFees,
      });
      return placeId;
    },
    async enter(entry) {
      return (await ask<{ sessionId: string }>('POST', '/control/entries', entry, 201)).sessionId;
    },
    leave: (where) => admin('POST', '/control/exits', where),
    payAtMachine: (where, machinePaymentId = uniqueId('coins')) =>
      ask('POST', '/machine/payments', { machinePaymentId, ...where }),
    async openByHand(where) {
      await ask('POST', '/control/openings', where);
    },
    stay: (sessionId) => ask('GET', `/control/sessions/${sessionId}`),
    async spaces(placeId) {
      return (await ask<{ spaces: OnWire<SpaceView>[] }>('GET', `/control/spaces?placeId=${placeId}`)).spaces;
    },
    signed: (path, body, more = {}) => signedCall(baseUrl + path, body, { secrets: [firstSecret], ...more }),
    async setFaults(...faults) {
      await ask('PUT', '/v1/faults', faults);
    },
    trust,
    async connect(kessai) {
      await ask('PUT', '/v1/kessai', kessai);
    },
    async unaccepted() {
      return (await ask<{ unaccepted: Unaccepted[] }>('GET', '/control/messages')).unaccepted;
    },
    async close() {
      await deliverer.stop();
      server.closeAllConnections();
      server.close();
      await pool.end();
    },
  };
}

async function signedCall<Body>(
  url: string,
  body: unknown,
  it: { secrets: string[]; at?: Date; sentBody?: string; signal?: AbortSignal },
): Promise<Answer<Body>> {
  const text = JSON.stringify(body);
  const at = it.at ?? new Date();
  const id = uniqueId('call');
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': it.secrets.map((each) => new Webhook(each).sign(id, at, text)).join(' '),
    },
    body: it.sentBody ?? text,
    signal: it.signal ?? AbortSignal.timeout(30_000),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { newId } from '../../db/id.ts';
import { createKey } from '../../db/key.ts';
import { findPaidForStay, insertQuote, type ParkingQuote } from '../../db/parking-quote.ts';
import type { ReleaseOutcome, SettlementView } from '../../domain/parking/settlement.ts';
import { parkingWorkflowId } from '../../workflows/parking-settlement/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { apiClient, type Answer, type ApiCall } from './client.ts';
import { expectStatus, givenPayer, uniqueId, type GivenPayer } from './givens.ts';
import { listen, type Stack } from './stack.ts';
import { until } from './until.ts';

/** What a small management server of the tests does with a call, and what it has heard. */
export interface TestOperatorServer {
  readonly baseUrl: string;
  /** As often as they came, in order. */
  readonly completions: { settlementId: string; releasedBy: string | null; amount: number }[];
  readonly cancellations: string[];
  /** Which gates it has opened, once a time it did. */
  readonly opened: string[];
  /** Connections are cut while it is down. */
  isDown: boolean;
  /** Commits, and cuts so many of the next answers to this call. */
  losesAnswers: number;
  /** Answers 202 and says nothing more. */
  isLater: boolean;
  /** Says this instead of what is true. */
  outcome: ReleaseOutcome | undefined;
  /** Signs that it checks. */
  secret: string;
  /** The driver pays at the machine: false if the stay has been paid for by app. */
  payAtMachine(sessionId: string): boolean;
  /** Before it commits to anything. */
  beforeCompletion: () => Promise<void> | void;
  /** What it has heard of a settlement, by Kessai's reference. */
  heard(reference: string): TestOperatorServer['completions'];
  /** Ends every fault above: after each test of a file. */
  heal(): void;
  close(): void;
}

interface Stays {
  readonly cash: Set<string>;
  readonly app: Map<string, string>;
  readonly outcomes: Map<string, ReleaseOutcome>;
}

/** A management server that opens a gate once a settlement, and keeps tombstones, as docs/parking-settlement.md asks. */
export async function startOperatorServer(): Promise<TestOperatorServer> {
  const stays: Stays = { cash: new Set(), app: new Map(), outcomes: new Map() };
  const server = createServer((request, response) => {
    void serve(it, stays, request, response);
  });
  await listen(server);
  const it: TestOperatorServer = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    completions: [],
    cancellations: [],
    opened: [],
    isDown: false,
    losesAnswers: 0,
    isLater: false,
    outcome: undefined,
    secret: '',
    payAtMachine(sessionId) {
      if (stays.app.has(sessionId)) return false;
      stays.cash.add(sessionId);
      return true;
    },
    beforeCompletion: () => undefined,
    heard: (reference) => it.completions.filter(({ settlementId }) => settlementId === reference),
    heal() {
      it.isDown = false;
      it.losesAnswers = 0;
      it.isLater = false;
      it.outcome = undefined;
      it.beforeCompletion = () => undefined;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return it;
}

async function serve(
  it: TestOperatorServer,
  stays: Stays,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (it.isDown) {
    request.socket.destroy();
    return;
  }
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const body = new Webhook(it.secret).verify(text, request.headers as Record<string, string>) as Record<
    string,
    unknown
  >;
  const settlementId = String(body.settlementId);
  const answer =
    request.url === '/v1/completions'
      ? await complete(it, stays, body, settlementId)
      : takeBack(it, stays, settlementId);
  if (it.losesAnswers > 0) {
    it.losesAnswers -= 1;
    request.socket.destroy();
    return;
  }
  response.writeHead(answer === undefined ? 202 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ settlementId, ...(answer === undefined ? {} : { outcome: answer }) }));
}

async function complete(
  it: TestOperatorServer,
  stays: Stays,
  body: Record<string, unknown>,
  settlementId: string,
): Promise<ReleaseOutcome | undefined> {
  await it.beforeCompletion();
  it.completions.push({
    settlementId,
    releasedBy: body.releasedBy as string | null,
    amount: Number(body.amount),
  });
  const known = stays.outcomes.get(settlementId);
  if (known !== undefined) return known;
  if (it.isLater) return undefined;
  const sessionId = String(body.sessionId);
  const outcome = it.outcome ?? (stays.cash.has(sessionId) ? 'ALREADY_SETTLED' : 'RELEASED');
  stays.outcomes.set(settlementId, outcome);
  if (outcome === 'RELEASED') {
    stays.app.set(sessionId, settlementId);
    if (body.releasedBy === null) it.opened.push(settlementId);
  }
  return outcome;
}

function takeBack(it: TestOperatorServer, stays: Stays, settlementId: string): 'CANCELED' | 'TOO_LATE' {
  it.cancellations.push(settlementId);
  if (stays.outcomes.get(settlementId) === 'RELEASED') return 'TOO_LATE';
  stays.outcomes.set(settlementId, 'NOT_RELEASED');
  return 'CANCELED';
}

export interface GivenOperator {
  readonly operatorId: string;
  readonly placeId: string;
  readonly release: 'SERVER' | 'OPERATOR_CONFIRM';
  /** With the key of its server. */
  readonly call: ApiCall;
}

/** 300 for each begun half hour, at most 1,200 within 24 hours; ten minutes to leave. */
export const RATE_TABLE = {
  currency: 'JPY',
  taxRatePercent: 10,
  taxIncluded: true,
  boundary: 'UNIT_BY_START',
  freeMinutes: 0,
  exitGraceMinutes: 10,
  bands: [
    {
      days: ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'],
      from: '00:00',
      to: '24:00',
      unitMinutes: 30,
      unitAmount: 300,
    },
  ],
  caps: [{ kind: 'HOURS_AFTER_ENTRY', hours: 24, amount: 1_200, repeats: true }],
};

/** An operator with a place, with a server of its own or with none. */
export async function givenOperator(
  stack: Stack,
  server?: TestOperatorServer,
  it: Record<string, unknown> = {},
): Promise<GivenOperator> {
  const operatorId = uniqueId('op');
  const placeId = uniqueId('place');
  const release = server === undefined ? 'OPERATOR_CONFIRM' : 'SERVER';
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const path = `/v1/parking/operators/${operatorId}`;
  const stored = await admin('PUT', path, {
    name: 'Test Parking',
    timeZone: 'Asia/Tokyo',
    feeSource: 'KESSAI',
    release,
    invoiceNumber: 'T1234567890123',
    phone: '03-0000-0000',
    ...(server === undefined ? {} : { baseUrl: server.baseUrl }),
    ...it,
  });
  expectStatus(stored, 200);
  if (server !== undefined) {
    const made = await admin<{ secret: string }>('POST', `${path}/signing-secret`);
    expectStatus(made, 201);
    server.secret = made.body.secret;
  }
  const { key } = await createKey(stack.pool, { role: 'parking', tenantId: operatorId, name: 'server' });
  const call = apiClient(stack.baseUrl, key);
  const placed = await call('PUT', `/v1/parking/places/${placeId}`, {
    kind: 'PARKING',
    name: 'Test Place',
    position: { lat: 35.6, lon: 139.7 },
    spaces: [],
    siteCode: placeId,
    rateTable: RATE_TABLE,
  });
  expectStatus(placed, 200);
  return { operatorId, placeId, release, call };
}

/** A driver who stands at the gate, with a quote of 500 for a stay of its own, or what is asked for. */
export interface GivenDriver extends GivenPayer {
  readonly sessionId: string;
  readonly quoteId: string;
  readonly settlementId: string;
  /** Pays the quote, and gives the answer whatever it is. */
  settle(body?: Record<string, unknown>): Promise<Answer<SettlementView & { code?: string }>>;
  /** Pays the quote; the server has heard of it and will say later what became of it. Gives Kessai's reference. */
  settleUnanswered(server: TestOperatorServer): Promise<string>;
  look(): Promise<SettlementView>;
  /** The books of the operator's server have the end of the stay; nobody is told. */
  endStay(): Promise<void>;
  /** Waits until the settlement is in this state. */
  untilState(state: SettlementView['state'], timeoutMs?: number): Promise<SettlementView>;
  cancel(): Promise<Answer<SettlementView & { code?: string }>>;
  handle(): ReturnType<Stack['temporal']['workflow']['getHandle']>;
  untilAwaiting(timeoutMs?: number): Promise<void>;
  /** A quote for the same stay. */
  quote(it?: Partial<ParkingQuote>): Promise<string>;
}

export async function givenDriver(
  stack: Stack,
  operator: GivenOperator,
  it: { balance?: number; sessionId?: string; quote?: Partial<ParkingQuote> } = {},
): Promise<GivenDriver> {
  const payer = await givenPayer(stack, { balance: it.balance ?? 1_000 });
  const sessionId = it.sessionId ?? uniqueId('s');
  const settlementId = uniqueId('park');
  await stack.pool.query(
    `insert into parking_session (operator_id, session_id, place_id, space, started_at)
     values ($1, $2, $3, '12', now() - interval '1 hour') on conflict do nothing`,
    [operator.operatorId, sessionId, operator.placeId],
  );
  const quote = async (more: Partial<ParkingQuote> = {}): Promise<string> => {
    const now = Date.now();
    const made = {
      quoteId: newId('quo'),
      userId: payer.userId,
      operatorId: operator.operatorId,
      operatorName: 'Test Parking',
      operatorPhone: '03-0000-0000',
      invoiceNumber: 'T1234567890123',
      release: operator.release,
      placeId: operator.placeId,
      placeName: 'Test Place',
      space: '12',
      sessionId,
      startedAt: new Date(now - 3_600_000).toISOString(),
      fee: 500,
      paidBefore: (await findPaidForStay(stack.pool, operator.operatorId, sessionId)).amount,
      amount: 500,
      currency: 'JPY',
      taxRatePercent: 10,
      taxAmount: 45,
      lines: [],
      feeSource: 'KESSAI',
      isFallback: false,
      saidByDriver: false,
      quotedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + 300_000).toISOString(),
      exitBy: new Date(now + 900_000).toISOString(),
      ...more,
    } as const satisfies ParkingQuote;
    await insertQuote(stack.pool, made);
    return made.quoteId;
  };
  const quoteId = await quote(it.quote);
  const path = `/v1/parking/settlements/${settlementId}`;
  const look = async (): Promise<SettlementView> => (await payer.call<SettlementView>('GET', path)).body;
  const handle = () => stack.temporal.workflow.getHandle(parkingWorkflowId(payer.userId, settlementId));
  const settle: GivenDriver['settle'] = (body = {}) =>
    payer.call('POST', '/v1/parking/settlements', { settlementId, quoteId, ...body });
  return {
    ...payer,
    sessionId,
    quoteId,
    settlementId,
    quote,
    look,
    handle,
    settle,
    async settleUnanswered(server) {
      server.isLater = true;
      const { reference } = (await settle()).body;
      await until('the completion', () => server.heard(reference).length > 0);
      return reference;
    },
    async endStay() {
      await stack.pool.query('update parking_session set ended_at = now() where session_id = $1', [
        sessionId,
      ]);
    },
    untilState: (state, timeoutMs) =>
      until(
        `the settlement to be ${state}`,
        async () => {
          const now = await look();
          return now.state === state && now;
        },
        timeoutMs,
      ),
    cancel: () => payer.call('POST', `${path}/cancel`),
    untilAwaiting: (timeoutMs) =>
      until(
        'the operator to be asked',
        async () => {
          const { typedSearchAttributes } = await handle().describe();
          return typedSearchAttributes.get(AWAITING_OPERATOR) === true || undefined;
        },
        timeoutMs,
      ).then(() => undefined),
  };
}

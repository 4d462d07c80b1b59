import { Agent, request } from 'node:http';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { startParkingSettlement } from '../api/parking/settlement-start.ts';
import { startPayment } from '../api/payment/start.ts';
import type { EagerStarts } from '../api/workflow-start.ts';
import { newId } from '../db/id.ts';
import type { Pool } from '../db/pool.ts';
import type { PaymentView } from '../domain/payment/payment.ts';
import { parkingWorkflowId } from '../workflows/parking-settlement/contract.ts';
import { paymentWorkflowId, submittedAt, type PaymentInput } from '../workflows/payment/contract.ts';
import type { Case } from './measure.ts';
import { closeOffline, issueOfflineCodes, type OfflineCode } from './offline.ts';
import { quoteStays, releaseAll, type QuotedStay } from './parking.ts';
import { issueCodes, newSale, UNPAYABLE_MINOR, type IssuedCode, type People } from './people.ts';
import { BENCH_TASK_QUEUE, COMPARED_TASK_QUEUE } from './stage.ts';
import { benchAnswer, benchSubmit } from './workflows.ts';

export const CASES = [
  'floor',
  'payment',
  'offline',
  'parking',
  'declined',
  'four activities',
  'HTTP',
] as const;
export type CaseName = (typeof CASES)[number];

export interface Bench {
  readonly client: Client;
  readonly eager: EagerStarts;
  readonly pool: Pool;
  readonly people: People;
  readonly baseUrl: string;
  /** Called with the workflow id of every call, so that histories can be counted afterwards. */
  readonly started: (name: CaseName, workflowId: string) => void;
}

const DEADLINE_MS = 30_000;

export function createCases(bench: Bench): Record<CaseName, Case<CaseName>> {
  const withCodes = (name: CaseName, call: (issued: IssuedCode) => Promise<void>): Case<CaseName> => ({
    name,
    async prepare(count) {
      const codes = await issueCodes(bench.pool, bench.people, count);
      return codes.map((issued) => () => call(issued));
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  return {
    floor: {
      name: 'floor',
      prepare: (count) => Promise.resolve(Array.from({ length: count }, () => () => floor(bench))),
    },
    payment: withCodes('payment', (issued) =>
      pay(bench, 'payment', paymentInput(bench.people, issued), 'COMPLETED'),
    ),
    offline: offlineCase(bench),
    parking: parkingCase(bench),
    declined: withCodes('declined', (issued) => {
      const input = { ...paymentInput(bench.people, issued), amount: UNPAYABLE_MINOR };
      return pay(bench, 'declined', input, 'DECLINED');
    }),
    'four activities': {
      ...withCodes('four activities', (issued) => payInFourSteps(bench, issued)),
      weight: 2,
    },
    HTTP: withCodes('HTTP', (issued) => payOverHttp(bench, agent, issued)),
  };
}

/** A phone and a key for each payment: steps, limits and throttle of the others do not stand in its way. */
function offlineCase(bench: Bench): Case<CaseName> {
  let open: { readonly issued: OfflineCode; readonly workflowId: string }[] = [];
  return {
    name: 'offline',
    async prepare(count) {
      const codes = await issueOfflineCodes(bench.pool, bench.people, count);
      return codes.map((issued) => async () => {
        const input = offlineInput(bench.people, issued);
        await pay(bench, 'offline', input, 'COMPLETED');
        open.push({ issued, workflowId: paymentWorkflowId(input.merchantId, input.merchantPaymentId) });
      });
    },
    async finish() {
      const closing = open;
      open = [];
      await closeOffline(bench.client, bench.baseUrl, closing);
    },
  };
}

/** A stay of its own for each, released by a person afterwards. */
function parkingCase(bench: Bench): Case<CaseName> {
  let open: QuotedStay[] = [];
  return {
    name: 'parking',
    async prepare(count) {
      const stays = await quoteStays(bench.pool, bench.people, count);
      return stays.map((stay) => async () => {
        const { input, quote } = stay;
        const result = await startParkingSettlement(input, quote, startOptions(bench));
        if (result.kind !== 'decided') throw new Error('a stay was not decided', { cause: result.cause });
        const state = result.outcome.kind === 'settled' ? result.outcome.view.state : result.outcome.code;
        if (state !== 'PAID') throw new Error(`expected PAID, got ${state}`);
        bench.started('parking', parkingWorkflowId(input.userId, input.settlementId));
        open.push(stay);
      });
    },
    async finish() {
      const closing = open;
      open = [];
      await releaseAll(bench.client, closing);
    },
  };
}

async function floor({ client, started }: Bench): Promise<void> {
  const workflowId = `bench-floor:${newId('req')}`;
  await client.withDeadline(Date.now() + DEADLINE_MS, () =>
    client.workflow.executeUpdateWithStart(benchAnswer, {
      updateId: workflowId,
      startWorkflowOperation: new WithStartWorkflowOperation('benchFloor', {
        workflowId,
        taskQueue: COMPARED_TASK_QUEUE,
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
      }),
    }),
  );
  started('floor', workflowId);
}

function paymentInput(people: People, { codeDigest }: IssuedCode): PaymentInput {
  return {
    ...newSale(people),
    paymentId: newId('pay'),
    merchantId: people.merchantId,
    acceptSimilar: false,
    codeMode: 'ONLINE',
    codeDigest,
    requestHash: codeDigest,
    attemptId: newId('req'),
  };
}

/** Within what may be paid offline; each payer pays once, so equal amounts are not similar. */
const OFFLINE_AMOUNT_MINOR = 500;

function offlineInput(people: People, issued: OfflineCode): PaymentInput {
  return {
    ...paymentInput(people, issued),
    amount: OFFLINE_AMOUNT_MINOR,
    codeMode: 'OFFLINE',
    offlineHandle: issued.handle,
  };
}

function startOptions({ client, eager }: Bench) {
  return { temporal: client, taskQueue: BENCH_TASK_QUEUE, tillDeadlineMs: DEADLINE_MS, eager };
}

/** The product's own way from the API to the decision. */
async function pay(
  bench: Bench,
  name: CaseName,
  input: PaymentInput,
  expected: PaymentView['status'],
): Promise<void> {
  const result = await startPayment(input, startOptions(bench));
  if (result.kind !== 'decided') throw new Error('a payment was not decided', { cause: result.cause });
  expectStatus(result.outcome.view, expected);
  bench.started(name, paymentWorkflowId(input.merchantId, input.merchantPaymentId));
}

/** Started exactly as {@link startPayment} does, memo and search attributes included. */
async function payInFourSteps({ client, people, started }: Bench, issued: IssuedCode): Promise<void> {
  const input = paymentInput(people, issued);
  const workflowId = `bench-four:${input.merchantPaymentId}`;
  const view = await client.withDeadline(Date.now() + DEADLINE_MS, () =>
    client.workflow.executeUpdateWithStart(benchSubmit, {
      updateId: input.merchantPaymentId,
      startWorkflowOperation: new WithStartWorkflowOperation('benchFourActivities', {
        workflowId,
        taskQueue: COMPARED_TASK_QUEUE,
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        staticSummary: `${input.amount} ${input.currency} at ${input.merchantId}/${input.storeId}`,
        memo: { payment: { ...input, status: 'IN_PROGRESS' }, requestHash: input.requestHash },
        typedSearchAttributes: submittedAt(input.merchantId),
      }),
    }),
  );
  expectStatus(view, 'COMPLETED');
  started('four activities', workflowId);
}

/** A till's request on a connection that is kept open. Plain node:http: the till's own cost is to be small. */
async function payOverHttp(bench: Bench, agent: Agent, { code }: IssuedCode): Promise<void> {
  const sale = newSale(bench.people);
  const body = JSON.stringify({ ...sale, code });
  const headers = {
    authorization: `Bearer ${bench.people.merchantKey}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const answer = await new Promise<string>((resolve, reject) => {
    const call = request(
      `${bench.baseUrl}/v1/payments`,
      { method: 'POST', agent, headers, timeout: DEADLINE_MS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve(Buffer.concat(chunks).toString());
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
  expectStatus(JSON.parse(answer) as PaymentView, 'COMPLETED');
  bench.started('HTTP', paymentWorkflowId(bench.people.merchantId, sale.merchantPaymentId));
}

/** A fast wrong answer is no figure. */
function expectStatus(view: PaymentView, expected: PaymentView['status']): void {
  if (view.status !== expected) throw new Error(`expected ${expected}, got ${JSON.stringify(view)}`);
}

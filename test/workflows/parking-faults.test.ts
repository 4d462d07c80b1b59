import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { findPaidForStay } from '../../db/parking-quote.ts';
import { parkingMerchantId, parkingRefundId, type SettlementView } from '../../domain/parking/settlement.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { askIssuerNow } from '../../workflows/issuer/contract.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { confirmRelease } from '../../workflows/parking-settlement/contract.ts';
import { PAYMENT_STATUS } from '../../workflows/search-attributes.ts';
import { connectIssuer, givenPayLater, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { createFaultyPool } from '../support/faults.ts';
import {
  givenDriver,
  givenOperator,
  startOperatorServer,
  type GivenOperator,
  type TestOperatorServer,
} from '../support/parking.ts';
import { openBreaks } from '../support/reconcile.ts';
import { startProgram } from '../support/program.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let server: TestOperatorServer;
let operator: GivenOperator;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 3_000 });
  server = await startOperatorServer();
  operator = await givenOperator(stack, server);
});
afterEach(() => {
  server.heal();
});
afterAll(async () => {
  server.close();
  await stopWithSoundLedger(stack);
});

describe('when a commit’s answer is lost', () => {
  for (const statement of ['parking_settle', 'parking_advance', 'parking_telling', 'refund_begin']) {
    it(`(${statement}) a settlement and its refund happen once`, async () => {
      const faults = createFaultyPool(stack.pool);
      const worker = await stack.startWorker({ pool: faults.pool });
      try {
        const [kept, given] = [await givenDriver(stack, operator), await givenDriver(stack, operator)];
        server.payAtMachine(given.sessionId);
        faults.loseAnswers(statement, 2);
        for (const driver of [kept, given]) {
          const paid = await until('the decision', async () => {
            const answer = await driver.settle();
            return answer.status === 200 && answer;
          });
          expect(paid.body.state).toBe('PAID');
        }
        const released = await kept.untilState('RELEASED');
        await given.untilState('REFUNDED');
        expect(server.opened.filter((it) => it === released.reference)).toHaveLength(1);
        expect(await kept.balance()).toBe(500);
        expect(await given.balance()).toBe(1_000);
        expect(faults.asked(statement)).toBeGreaterThan(2);
      } finally {
        await worker.stop();
      }
    });
  }
});

describe('when the answer to an older step comes last', () => {
  it('the settlement stays what the newer one has made of it, and each word is kept', async () => {
    const unattended = await givenOperator(stack);
    const driver = await givenDriver(stack, unattended);
    const before = await stack.startWorker();
    await driver.settle();
    await driver.untilAwaiting();
    await before.stop();
    // All are heard in one workflow task, so that their steps can be under way at once.
    const word = { operator: 'Test', outcome: 'RELEASED', amount: 500 } as const;
    await driver.handle().signal(confirmRelease, { ...word, amount: 50 });
    await driver.handle().signal(confirmRelease, word);
    await driver.handle().signal(confirmRelease, { ...word, outcome: 'NOT_RELEASED' });
    const faults = createFaultyPool(stack.pool);
    // Steps that are taken one after the other never come to RELEASED meanwhile.
    faults.holdAnswer('parking_advance', 'NOTE', () =>
      driver.untilState('RELEASED', 500).catch(() => undefined),
    );
    const worker = await stack.startWorker({ pool: faults.pool });
    try {
      expect(await driver.handle().result()).toMatchObject({ state: 'RELEASED' });
      const { typedSearchAttributes } = await driver.handle().describe();
      expect(typedSearchAttributes.get(PAYMENT_STATUS)).toBe('RELEASED');
      const { reference } = await driver.look();
      const { body } = await unattended.call<{ answers: { outcome?: string; isObeyed: boolean }[] }>(
        'GET',
        `/v1/parking/settlements/${reference}`,
      );
      expect(body.answers.map((it) => `${it.outcome ?? 'none'} ${it.isObeyed}`).sort()).toEqual([
        'NOT_RELEASED false',
        'RELEASED true',
        'none false',
      ]);
      expect(await driver.balance()).toBe(500);
    } finally {
      await worker.stop();
    }
  });
});

describe('a settlement on credit', () => {
  let issuer: TestIssuer;
  let issuerId: string;
  beforeAll(async () => {
    issuer = await startIssuer(stack.databaseUrl);
    issuerId = await connectIssuer(stack, issuer);
  });
  afterAll(() => issuer.close());

  const silentAt = (...operations: IssuerFault['operation'][]): IssuerFault[] =>
    operations.map((operation) => ({ operation, fault: 'ERROR_500', times: 100_000 }));

  async function givenCreditDriver() {
    const driver = await givenDriver(stack, operator, { balance: 0 });
    const accountRef = await givenPayLater(stack, issuer, { issuerId, userId: driver.userId, limit: 5_000 });
    return { driver, accountRef, settle: () => driver.settle({ fundingSource: 'PAY_LATER' }) };
  }

  it('is paid by the issuer, also when its answers are lost, and the refund goes there', async () => {
    const worker = await stack.startWorker({ issuerTimeoutMs: 700 });
    try {
      const { driver, accountRef, settle } = await givenCreditDriver();
      await issuer.setFaults({ operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 });
      await settle();
      await driver.untilState('RELEASED', 30_000);
      await until('the capture', async () => (await issuer.accountOf(accountRef)).captured === 500);

      const other = await givenCreditDriver();
      server.payAtMachine(other.driver.sessionId);
      await other.settle();
      await other.driver.untilState('REFUNDED', 30_000);
      expect((await issuer.accountOf(other.accountRef)).used).toBe(0);
      expect((await issuer.books()).breaks).toEqual([]);
    } finally {
      await worker.stop();
    }
  });

  it('that the issuer is silent about is nobody else’s to pay, cannot be taken back yet, and goes on when it speaks', async () => {
    const worker = await stack.startWorker({ issuerTimeoutMs: 700 });
    try {
      const { driver, settle } = await givenCreditDriver();
      await issuer.setFaults(
        { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
        ...silentAt('LOOK_UP'),
      );
      const other = await givenDriver(stack, operator, { sessionId: driver.sessionId });
      expect(await settle()).toMatchObject({ status: 202, body: { state: 'PAYING' } });
      expect(await other.settle()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
      expect(await driver.cancel()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
      expect(server.completions.map((it) => it.settlementId)).not.toContain((await driver.look()).reference);
      await issuer.setFaults();
      await driver.handle().signal(askIssuerNow);
      await driver.untilState('RELEASED', 30_000);
      expect(await other.balance()).toBe(1_000);
    } finally {
      await worker.stop();
    }
  });

  it('is taken back at its issuer, once, though that is silent and workflows are terminated meanwhile', async () => {
    const worker = await stack.startWorker({ issuerTimeoutMs: 700 });
    server.isLater = true;
    try {
      const { driver, accountRef, settle } = await givenCreditDriver();
      await settle();
      const { reference } = await driver.untilState('RELEASE_REQUESTED', 30_000);
      await until('the capture', async () => (await issuer.accountOf(accountRef)).captured === 500);
      await issuer.setFaults(...silentAt('REFUND', 'LOOK_UP'));
      const canceling = driver.cancel();
      await until('the refund', async () => (await driver.look()).refund?.status === 'IN_PROGRESS');
      expect(await canceling).toMatchObject({ status: 202 });
      // On its way back it counts as paid no more.
      const paid = await findPaidForStay(stack.pool, operator.operatorId, driver.sessionId);
      expect(paid).toMatchObject({ amount: 0, unheardAmount: 0 });

      const merchantId = parkingMerchantId(operator.operatorId);
      const refund = stack.temporal.workflow.getHandle(
        refundWorkflowId(merchantId, parkingRefundId(reference)),
      );
      await refund.terminate('test');
      await driver.handle().terminate('test');
      expect((await driver.cancel()).status).toBe(202);
      await until('the next refund', async () => (await refund.describe()).status.name === 'RUNNING');
      await issuer.setFaults();
      await refund.signal(askIssuerNow);
      await driver.untilState('REFUNDED', 30_000);
      expect((await driver.cancel()).status).toBe(200);
      expect(await issuer.accountOf(accountRef)).toMatchObject({ used: 0, captured: 0 });
      expect((await issuer.books()).breaks).toEqual([]);
    } finally {
      await worker.stop();
    }
  });

  it('whose refund the issuer refuses keeps its state, and a person is told', async () => {
    const worker = await stack.startWorker({ issuerTimeoutMs: 700 });
    try {
      const { driver, accountRef, settle } = await givenCreditDriver();
      server.payAtMachine(driver.sessionId);
      await issuer.setFaults({ operation: 'REFUND', fault: 'DECLINE', times: 1 });
      await settle();
      const ended = (await driver.handle().result()) as SettlementView;
      expect(ended).toMatchObject({ refund: { status: 'FAILED', reason: 'ALREADY_SETTLED' } });
      expect(await openBreaks(stack.pool, parkingMerchantId(operator.operatorId))).toContain(
        `ISSUER unknown_outcome parking:${ended.reference}`,
      );
      expect((await issuer.accountOf(accountRef)).used).toBe(500);
    } finally {
      await worker.stop();
    }
  });

  it('that the issuer refuses is declined, and nobody is told', async () => {
    const worker = await stack.startWorker({ issuerTimeoutMs: 700 });
    try {
      const { driver, settle } = await givenCreditDriver();
      await issuer.setFaults({ operation: 'AUTHORISE', fault: 'DECLINE', times: 1 });
      await settle();
      const declined = await driver.untilState('DECLINED');
      expect(declined.declineCode).toBe('CREDIT_DECLINED');
      await driver.handle().result();
      expect(server.completions.map((it) => it.settlementId)).not.toContain(declined.reference);
    } finally {
      await worker.stop();
    }
  });
});

describe('a worker that is killed', { timeout: 180_000 }, () => {
  it('at each step leaves the rest to the next one: released once, given back once', async () => {
    const worker = startProgram('workers/main.ts', {
      DATABASE_URL: stack.databaseUrl,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: 'default',
      KESSAI_TASK_QUEUE: stack.taskQueue,
      KESSAI_DATA_KEY: stack.dataKey,
      KESSAI_CODE_PEPPER: randomBytes(32).toString('base64'),
      LOG_LEVEL: 'warn',
    });
    try {
      // While it tells the server: the call is on its way when the worker dies.
      const told = await givenDriver(stack, operator);
      let kills = 0;
      server.beforeCompletion = async () => {
        kills += 1;
        if (kills === 1) await worker.killAndRestart();
      };
      await told.settle();
      const { reference } = await told.untilState('RELEASED', 60_000);
      expect(kills).toBeGreaterThan(1);
      expect(server.opened.filter((it) => it === reference)).toHaveLength(1);
      server.beforeCompletion = () => undefined;

      // Right after it was paid, and while the refund is on its way.
      const given = await givenDriver(stack, operator);
      server.payAtMachine(given.sessionId);
      await given.settle();
      await worker.killAndRestart();
      await until('the refund to begin', async () => (await given.look()).refund !== undefined, 60_000);
      await worker.killAndRestart();
      await given.untilState('REFUNDED', 60_000);
      expect(await given.balance()).toBe(1_000);

      // While a person is asked.
      const unattended = await givenOperator(stack);
      const waiting = await givenDriver(stack, unattended);
      await waiting.settle();
      await waiting.untilAwaiting(60_000);
      await worker.killAndRestart();
      await waiting.handle().signal(confirmRelease, { operator: 'Test', outcome: 'RELEASED', amount: 500 });
      await waiting.untilState('RELEASED', 60_000);
      expect(await waiting.balance()).toBe(500);
    } finally {
      await worker.stop();
    }
  });
});

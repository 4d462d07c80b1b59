import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it, type TestContext } from 'vitest';
import { caller } from '../../dev/caller.ts';
import { launch, obtainChromium } from '../../dev/browser/chromium.ts';
import { openWebUi, WAITING_DRIVERS } from '../../dev/browser/web-ui.ts';
import { callAttendant } from '../../dev/demo-parking/attendant.ts';
import { openLog } from '../../dev/demo-parking/log.ts';
import { openLot } from '../../dev/demo-parking/lot.ts';
import { playCars } from '../../dev/demo-parking/play.ts';
import { reportCars } from '../../dev/demo-parking/report.ts';
import { isQuick, STORIES, type Story } from '../../dev/demo-parking/stories.ts';
import { noTrouble } from '../../dev/demo/http.ts';
import { createReport } from '../../dev/report.ts';
import { OPERATORS, seedParking } from '../../dev/seed-parking.ts';
import { SetupProblem } from '../../dev/setup-problem.ts';
import { parkingWorkflowId } from '../../workflows/parking-settlement/contract.ts';
import { createKey } from '../../db/key.ts';
import { createTestDatabase } from '../support/database.ts';
import { startParkingOperator } from '../support/parking-operator.ts';
import { givenDriver, givenOperator } from '../support/parking.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

/**
 * A real Chromium and the real Temporal Web UI: what docs/operator-guide.md tells a person to do, done by hand. And beside it the cars of
 * `npm run demo:parking`, at the operators that `npm start` knows.
 */
let stack: Stack;
let browser: Browser | undefined;
let whyNone = '';

beforeAll(async () => {
  // As of an API in service: who asks for the money back where a person has to say so hears 202 after that.
  stack = await startStack({ tillDeadlineMs: 2_500 });
  try {
    browser = await launch(await obtainChromium(createReport()));
  } catch (error) {
    // A machine without a browser, and no way to get one: everything else can still be tested there.
    if (!(error instanceof SetupProblem)) throw error;
    whyNone = error.message;
  }
}, 600_000);
afterAll(async () => {
  await browser?.close();
  await stopWithSoundLedger(stack);
});

function requireBrowser(context: TestContext): Browser {
  return browser ?? context.skip(whyNone);
}

describe('An operator with Temporal Web UI', () => {
  it('finds the driver who waits through the saved query, sends the signal, and sees RELEASED', async (context) => {
    const operator = await givenOperator(stack);
    const driver = await givenDriver(stack, operator);
    await driver.settle();
    await driver.untilAwaiting();
    const workflowId = parkingWorkflowId(driver.userId, driver.settlementId);
    const { releaseCode } = await driver.look();

    const ui = await openWebUi(requireBrowser(context), {
      uiUrl: inject('temporalUiUrl'),
      namespace: 'default',
      timeoutMs: 60_000,
    });
    await ui.saveQuery(WAITING_DRIVERS, 'Drivers who wait');
    await ui.openView('Drivers who wait', workflowId);
    await ui.openWorkflow(workflowId);
    for (const shown of ['AWAITING_OPERATOR', releaseCode, 'Test Place', '03-0000-0000'])
      await ui.untilDetails(shown);

    const word = { operator: 'aoi', outcome: 'RELEASED', amount: 5, reason: 'the attendant opened it' };
    await ui.fillInSignal('confirmRelease', JSON.stringify(word));
    await ui.submitSignal();
    await ui.untilDetails('not obeyed: aoi said RELEASED: amount is 5, the settlement is of 500');
    expect(await driver.look()).toMatchObject({ state: 'AWAITING_OPERATOR' });

    await ui.fillInSignal('confirmRelease', JSON.stringify({ ...word, amount: 500 }));
    await ui.submitSignal();
    await ui.untilStatus('Completed');
    await ui.untilDetails('Parking, 500 JPY: RELEASED');
    expect(await driver.look()).toMatchObject({ state: 'RELEASED', releasedBy: 'OPERATOR' });
    expect(await driver.balance()).toBe(500);
  }, 240_000);
});

/** Stands there, so that somebody can pay for it by mistake. */
const NEIGHBOUR: Story = {
  kind: 'FLAP',
  title: 'stays',
  minutes: 5,
  ends: [],
  act: () => Promise.resolve('stayed'),
};

describe('npm run demo:parking', () => {
  it('plays cars at both operators; each ends as its story says, and the books agree', async () => {
    const database = await createTestDatabase();
    const server = await startParkingOperator(database.url);
    try {
      const keyOf = async (tenantId: string): Promise<string> =>
        (await createKey(stack.pool, { role: 'parking', tenantId, name: 'server' })).key;
      const admin = caller(stack.baseUrl, stack.adminKey);
      const [central, temple] = await seedParking({
        admin,
        kessaiUrl: stack.baseUrl,
        server,
        keys: { central: await keyOf(OPERATORS.server), temple: await keyOf(OPERATORS.noServer) },
      });
      if (central === undefined || temple === undefined) throw new Error('an operator is missing');
      const made = await admin('POST', `/v1/parking/operators/${OPERATORS.server}/signing-secret`);
      await server.trust((made as { secret: string }).secret);
      const parking = { ...server, server: central, noServer: temple };
      const asAdmin = { baseUrl: stack.baseUrl, key: stack.adminKey, trouble: noTrouble() };
      const lot = openLot(parking, asAdmin);
      const log = openLog(() => undefined);
      const cars = await playCars({
        town: { runId: 'demo-test', admin: asAdmin },
        parking,
        lot,
        attendant: callAttendant({ client: stack.temporal, close: () => Promise.resolve() }),
        log,
        stories: STORIES.filter(isQuick).flatMap((it) =>
          it.title === 'pays for the wrong space' ? [NEIGHBOUR, it] : [it],
        ),
      });
      log.stop();
      let told = '';
      const faults = await reportCars(cars, lot, stack.databaseUrl, (text) => {
        told += text;
      });
      expect(faults).toEqual([]);
      expect(cars).toHaveLength(16);
      expect(told).toContain('the machine was first: ALREADY_SETTLED');
      expect(told).toContain('ledger (all of it): sound');
    } finally {
      await server.close();
      await database.drop();
    }
  }, 120_000);
});

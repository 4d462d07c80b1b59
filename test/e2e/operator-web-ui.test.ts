import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it, type TestContext } from 'vitest';
import { launch, obtainChromium } from '../../dev/browser/chromium.ts';
import { openWebUi, WAITING_DRIVERS } from '../../dev/browser/web-ui.ts';
import { createReport } from '../../dev/report.ts';
import { SetupProblem } from '../../dev/setup-problem.ts';
import { parkingWorkflowId } from '../../workflows/parking-settlement/contract.ts';
import { givenDriver, givenOperator } from '../support/parking.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

/** A real Chromium and the real Temporal Web UI: what docs/operator-guide.md tells a person to do, done by hand. */
let stack: Stack;
let browser: Browser | undefined;
let whyNone = '';

beforeAll(async () => {
  stack = await startStack();
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
    expect(await driver.settle()).toMatchObject({ status: 200, body: { state: 'PAID' } });
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

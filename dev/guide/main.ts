import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SettlementView } from '../../domain/parking/settlement.ts';
import { parkingWorkflowId } from '../../workflows/parking-settlement/contract.ts';
import { launch, obtainChromium } from '../browser/chromium.ts';
import { openWebUi, WAITING_DRIVERS, type WebUi } from '../browser/web-ui.ts';
import { demand, noTrouble, type Caller } from '../demo/http.ts';
import { findStack } from '../demo/stack.ts';
import { addPayers, newRunId, topUp } from '../demo/world.ts';
import { createReport } from '../report.ts';
import { runMain, SetupProblem } from '../setup-problem.ts';
import { root } from '../stack/folders.ts';

/** Where the pictures of docs/operator-guide.md are. */
const FOLDER = join(root, 'docs', 'images');
const TIMEOUT_MS = 30_000;
const STAYED_MINUTES = 70;
/** Without what is the same on every page, at its left and its top. */
const LEFT = 64;
const TOP = 48;
const WIDTH = 1_480;

/** A driver at a place whose operator has no server has paid, and waits for a person. */
async function parkAndPay(admin: Caller, placeId: string): Promise<{ userId: string; paid: SettlementView }> {
  const town = { runId: newRunId(), admin };
  const [driver] = await addPayers(town, ['driver']);
  if (driver === undefined) throw new Error('there is no driver');
  await topUp(town, driver, 1_000);
  const startedAt = new Date(Date.now() - STAYED_MINUTES * 60_000).toISOString();
  const { device, userId } = driver;
  const { quoteId } = await demand(device, 'POST', '/v1/parking/quotes', { placeId, space: '8', startedAt });
  const order = { settlementId: 'stay-1', quoteId };
  const paid = await demand(device, 'POST', '/v1/parking/settlements', order);
  return { userId, paid: paid as unknown as SettlementView };
}

/** Does what the guide says, as the browser test does it, and takes a picture at each step. */
async function takePictures(ui: WebUi, workflowId: string, amount: number): Promise<void> {
  const shoot = async (name: string, height: number): Promise<void> => {
    await ui.page.setViewportSize({ width: WIDTH, height });
    await ui.page.screenshot({
      path: join(FOLDER, `${name}.png`),
      animations: 'disabled',
      clip: { x: LEFT, y: TOP, width: WIDTH - LEFT, height: height - TOP },
    });
  };
  const word = { operator: 'aoi', outcome: 'RELEASED', amount, reason: 'the attendant opened it' };
  await ui.saveQuery(WAITING_DRIVERS, 'Drivers who wait');
  await ui.openView('Drivers who wait', workflowId);
  await shoot('operator-waiting', 640);
  await ui.openWorkflow(workflowId);
  await ui.untilDetails('AWAITING_OPERATOR');
  await shoot('operator-details', 1_060);
  await ui.fillInSignal('confirmRelease', JSON.stringify({ ...word, amount: amount / 10 }));
  await ui.submitSignal();
  await ui.untilDetails(/not obeyed/);
  await shoot('operator-not-obeyed', 1_080);
  await ui.fillInSignal('confirmRelease', JSON.stringify(word));
  await shoot('operator-signal', 1_000);
  await ui.submitSignal();
  await ui.untilStatus('Completed');
  await ui.untilDetails(/: RELEASED/);
  await shoot('operator-released', 820);
}

/** `npm run guide:screenshots`: takes the pictures of docs/operator-guide.md anew, of the running stack (npm start). */
await runMain(async () => {
  const report = createReport();
  const { baseUrl, adminKey, parking, temporal } = await findStack();
  const { address, namespace, ui: uiUrl } = temporal ?? {};
  if (parking === undefined || address === undefined || namespace === undefined || uiUrl === undefined)
    throw new SetupProblem(
      'The stack has no parking operators or no Temporal Web UI: start it with npm start.',
    );
  const admin: Caller = { baseUrl, key: adminKey, trouble: noTrouble() };
  const [placeId = ''] = parking.noServer.placeIds;
  await mkdir(FOLDER, { recursive: true });
  const browser = await launch(await obtainChromium(report));
  try {
    const { userId, paid } = await parkAndPay(admin, placeId);
    const ui = await openWebUi(browser, { uiUrl, namespace, timeoutMs: TIMEOUT_MS });
    await report.step('Pictures', () =>
      takePictures(ui, parkingWorkflowId(userId, paid.settlementId), paid.amount),
    );
    report.note(`They are in ${FOLDER}. Look at them.`);
  } finally {
    await browser.close();
  }
});

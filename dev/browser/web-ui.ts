import type { Browser, FrameLocator, Page } from 'playwright-core';

/** What an operator looks at to see whether a driver waits (docs/operator-guide.md). */
export const WAITING_DRIVERS = 'AwaitingOperator=true and WorkflowType="parkingSettlement"';

/** A person before Temporal Web UI: everything is done with what the pages show, nothing by API. */
export interface WebUi {
  readonly page: Page;
  /** Opens a query by its address and saves it as a view. */
  saveQuery(query: string, name: string): Promise<void>;
  /** Opens a saved view from the list of all workflows, and waits until it shows this workflow. */
  openView(name: string, workflowId: string): Promise<void>;
  /** Follows the link of a workflow that is listed, to its details. */
  openWorkflow(workflowId: string): Promise<void>;
  /** Waits until the current details say this. */
  untilDetails(text: string | RegExp): Promise<void>;
  /** Chooses a signal, pastes JSON, and stands before the button. */
  fillInSignal(name: string, json: string): Promise<void>;
  /** Presses the button and sees that it was sent. */
  submitSignal(): Promise<void>;
  /** Waits until the workflow is shown as `Running`, `Completed` … */
  untilStatus(status: string): Promise<void>;
}

export interface WebUiOptions {
  readonly uiUrl: string;
  readonly namespace: string;
  readonly timeoutMs: number;
}

/** Longer than a page takes on a busy machine: what was there when it was asked for is then shown. */
const SHOWN_WITHIN_MS = 10_000;
const VIEW = { width: 1480, height: 900 };

export async function openWebUi(browser: Browser, it: WebUiOptions): Promise<WebUi> {
  const page = await browser.newPage({ viewport: VIEW });
  page.setDefaultTimeout(it.timeoutMs);
  const home = `${it.uiUrl}/namespaces/${it.namespace}/workflows`;
  const link = (workflowId: string) => page.getByRole('link', { name: workflowId, exact: true });
  const dialog = page.getByRole('dialog');
  const submit = dialog.getByRole('button', { name: 'Submit' });
  // The summary has a frame as well, before it.
  const details = (): FrameLocator => page.locator('iframe').last().contentFrame();
  const soon = { timeout: SHOWN_WITHIN_MS };
  /** The lists and details of Web UI are as of when they were asked for. */
  const untilShown = async (isShown: () => Promise<boolean>, what: string): Promise<void> => {
    const deadlineMs = Date.now() + it.timeoutMs;
    while (!(await isShown())) {
      if (Date.now() > deadlineMs) throw new Error(`Temporal Web UI does not show ${what}`);
      await page.reload();
    }
  };
  const comes = (shown: Promise<unknown>): Promise<boolean> =>
    shown.then(
      () => true,
      () => false,
    );

  return {
    page,
    async saveQuery(query, name) {
      await page.goto(`${home}?query=${encodeURIComponent(query)}`);
      await page.getByRole('button', { name: 'Save as New' }).click();
      await dialog.getByRole('textbox', { name: 'Name' }).fill(name);
      await dialog.getByRole('button', { name: 'Save', exact: true }).click();
      await dialog.waitFor({ state: 'hidden' });
    },
    async openView(name, workflowId) {
      await page.goto(home);
      await page.getByRole('button', { name, exact: true }).click();
      await untilShown(() => comes(link(workflowId).waitFor(soon)), `${workflowId} in ${name}`);
    },
    async openWorkflow(workflowId) {
      await link(workflowId).click();
      await page.getByRole('tab', { name: 'User Metadata' }).click();
      await details().locator('body').waitFor();
    },
    untilDetails: (text) =>
      untilShown(
        () => comes(details().getByText(text).first().waitFor(soon)),
        `${String(text)} in the current details`,
      ),
    async fillInSignal(name, json) {
      await page.getByRole('button', { name: 'More Actions' }).click();
      await page.getByRole('menuitem', { name: 'Send a Signal' }).click();
      await dialog.getByRole('button', { name: 'Select a signal' }).click();
      await dialog.getByRole('option', { name: new RegExp(`^${name}\\b`) }).click();
      await dialog.getByRole('textbox').last().click();
      await page.keyboard.insertText(json);
      // The editor lays the JSON out once it is left.
      await submit.focus();
    },
    async submitSignal() {
      // By key: a button that still moves may be missed.
      await submit.press('Enter');
      await dialog.waitFor({ state: 'hidden' });
      await page.reload();
    },
    untilStatus: (status) =>
      untilShown(
        () => comes(page.getByRole('main').getByText(status, { exact: true }).first().waitFor(soon)),
        `the workflow as ${status}`,
      ),
  };
}

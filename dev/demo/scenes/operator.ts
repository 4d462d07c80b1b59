import { setTimeout as sleep } from 'node:timers/promises';
import type { PaymentView } from '../../../domain/payment/payment.ts';
import { resolveDispute, type DisputeWord } from '../../../workflows/payment/contract.ts';
import { GIVE_UP_MS } from '../http.ts';
import type { Stack } from '../stack.ts';
import { openDesk } from '../temporal-client.ts';

/** A person with Temporal Web UI, who finds what waits for a word and sends it. */
export interface Operator {
  /**
   * Finds the only payment of a merchant that waits, sends the word and gives what the payment has become.
   * @throws Error if none waits after a minute
   */
  resolveDispute(merchantId: string, word: DisputeWord): Promise<PaymentView>;
  close(): Promise<void>;
}

const LOOK_EVERY_MS = 500;

/** Undefined where `dev.json` names no Temporal. */
export async function callOperator(temporal: Stack['temporal']): Promise<Operator | undefined> {
  const desk = await openDesk(temporal);
  if (desk === undefined) return undefined;
  const { client, close } = desk;

  async function findWaiting(merchantId: string): Promise<string> {
    const startedMs = Date.now();
    for (;;) {
      const query = `AwaitingOperator=true and MerchantId="${merchantId}"`;
      for await (const { workflowId } of client.workflow.list({ query })) return workflowId;
      if (Date.now() - startedMs > GIVE_UP_MS)
        throw new Error(`no workflow of ${merchantId} waits for an operator`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  return {
    async resolveDispute(merchantId, word) {
      const handle = client.workflow.getHandle(await findWaiting(merchantId));
      await handle.signal(resolveDispute, word);
      const deadlineMs = Date.now() + GIVE_UP_MS;
      return client.withDeadline(deadlineMs, async () => (await handle.result()) as PaymentView);
    },
    close,
  };
}

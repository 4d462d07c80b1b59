import { setTimeout as sleep } from 'node:timers/promises';
import {
  confirmRelease,
  parkingWorkflowId,
  type ReleaseWord,
} from '../../workflows/parking-settlement/contract.ts';
import { WAITING_DRIVERS } from '../browser/web-ui.ts';
import type { Desk } from '../demo/temporal-client.ts';

/** A person with Temporal Web UI and a telephone. */
export interface Attendant {
  /** Waits until the settlement is among those that wait. @throws Error if it is not there in time */
  find(userId: string, settlementId: string): Promise<void>;
  /** Sends the signal, whether somebody waits for it or not. */
  say(userId: string, settlementId: string, word: ReleaseWord): Promise<void>;
}

const LOOK_EVERY_MS = 500;
/** Longer than the 60 s after which a person is asked. */
const PATIENCE_MS = 120_000;

export function callAttendant({ client }: Desk): Attendant {
  return {
    async find(userId, settlementId) {
      const wanted = parkingWorkflowId(userId, settlementId);
      const deadlineMs = Date.now() + PATIENCE_MS;
      for (;;) {
        for await (const { workflowId } of client.workflow.list({ query: WAITING_DRIVERS }))
          if (workflowId === wanted) return;
        if (Date.now() > deadlineMs) throw new Error(`${wanted} does not wait for a person`);
        await sleep(LOOK_EVERY_MS);
      }
    },
    async say(userId, settlementId, word) {
      await client.workflow.getHandle(parkingWorkflowId(userId, settlementId)).signal(confirmRelease, word);
    },
  };
}

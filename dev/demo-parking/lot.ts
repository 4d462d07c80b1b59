import { setTimeout as sleep } from 'node:timers/promises';
import { ask, demand, type Caller } from '../demo/http.ts';
import type { StackParking } from '../demo/stack.ts';

/** Which stay is meant: by its space, or by its ticket. */
export interface Where {
  readonly placeId: string;
  readonly space?: string;
  readonly credential?: string;
}

export interface FaultSwitch {
  readonly operation: 'ALL' | 'COMPLETION';
  readonly fault: 'DOWN' | 'TIME_OUT_AFTER_COMMIT' | 'ANSWERS_LATER';
  readonly times: number;
  readonly delayMs?: number;
}

/** The reference operator as its own staff and machines reach it, past every fault, and what Kessai knows by it. */
export interface Lot {
  freeSpaces(placeId: string): Promise<string[]>;
  /** A car comes in, so many minutes ago, and Kessai hears of it. Gives the session. */
  enter(sessionId: string, where: Where, minutesAgo: number): Promise<void>;
  /** False if the car is locked in. */
  leave(where: Where): Promise<boolean>;
  /** What the cash machine takes, in yen. */
  payAtMachine(machinePaymentId: string, where: Where): Promise<number>;
  /** The attendant opens with a key. */
  openByHand(where: Where): Promise<void>;
  /** How often it opened for a stay. */
  openings(sessionId: string): Promise<number>;
  /** How often the server has answered a completion, and how many words on it were kept and not obeyed. */
  heard(reference: string): Promise<{ answered: number; notObeyed: number }>;
  /** Instead of those before; none heals it. */
  setFaults(...faults: FaultSwitch[]): Promise<void>;
}

const LOOK_EVERY_MS = 100;
const PATIENCE_MS = 30_000;

/** @param admin of Kessai */
export function openLot(parking: StackParking, admin: Caller): Lot {
  const staff: Caller = { ...admin, baseUrl: parking.baseUrl, key: parking.adminKey };
  const kessai: Caller = { ...admin, key: parking.server.key };
  return {
    async freeSpaces(placeId) {
      const { spaces } = (await demand(staff, 'GET', `/control/spaces?placeId=${placeId}`)) as {
        spaces: { space: string | null; state: string }[];
      };
      return spaces.flatMap(({ space, state }) => (space !== null && state === 'FREE' ? [space] : []));
    },
    async enter(sessionId, where, minutesAgo) {
      const at = new Date(Date.now() - minutesAgo * 60_000).toISOString();
      await demand(staff, 'POST', '/control/entries', { sessionId, ...where, at });
      const deadlineMs = Date.now() + PATIENCE_MS;
      while ((await ask(kessai, 'GET', `/v1/parking/sessions/${sessionId}`)).status !== 200) {
        if (Date.now() > deadlineMs) throw new Error(`Kessai has not heard of the entry ${sessionId}`);
        await sleep(LOOK_EVERY_MS);
      }
    },
    async leave(where) {
      return (await ask(staff, 'POST', '/control/exits', where)).status === 200;
    },
    async payAtMachine(machinePaymentId, where) {
      return Number(
        (await demand(staff, 'POST', '/machine/payments', { machinePaymentId, ...where })).amount,
      );
    },
    async openByHand(where) {
      await demand(staff, 'POST', '/control/openings', where);
    },
    async openings(sessionId) {
      const stay = await demand(staff, 'GET', `/control/sessions/${sessionId}`);
      return (stay.openings as unknown[]).length;
    },
    async heard(reference) {
      const path = `/v1/parking/operators/${parking.server.operatorId}/attempts?key=${reference}:completion`;
      const attempts = (await demand(admin, 'GET', path)).items as { outcome: string }[];
      const { answers } = (await demand(kessai, 'GET', `/v1/parking/settlements/${reference}`)) as {
        answers: { isObeyed?: boolean }[];
      };
      return {
        answered: attempts.filter((it) => it.outcome === 'ANSWERED').length,
        notObeyed: answers.filter((it) => it.isObeyed === false).length,
      };
    },
    async setFaults(...faults) {
      await demand(staff, 'PUT', '/v1/faults', faults);
    },
  };
}

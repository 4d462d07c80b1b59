import { setTimeout as sleep } from 'node:timers/promises';
import type { SettlementState, SettlementView } from '../../domain/parking/settlement.ts';
import { ask, demand, type Answer } from '../demo/http.ts';
import type { Payer } from '../demo/world.ts';
import type { Where } from './lot.ts';

export interface Quote {
  readonly quoteId: string;
  readonly amount: number;
  readonly isFallback: boolean;
  readonly expiresAt: string;
}

/** A driver with a phone. */
export interface Driver {
  readonly payer: Payer;
  /** Ids of what the phone has paid or tried to, in order. */
  readonly settlementIds: readonly string[];
  /** @param startedAt from the ticket, where no server tells of entries */
  quote(where: Where, startedAt?: string): Promise<Quote>;
  /** Pays; the answer whatever it is. @param phones so many send it at once, the same */
  pay(quote: Quote, phones?: number): Promise<Paid>;
  look(settlementId: string): Promise<SettlementView>;
  /** Waits until it is in one of these states. @throws Error with the state it is in instead, after a minute and a half */
  until(settlementId: string, ...states: SettlementState[]): Promise<SettlementView>;
  /** The same for whatever has to be true of it. */
  wait(
    settlementId: string,
    what: string,
    isThere: (view: SettlementView) => boolean,
  ): Promise<SettlementView>;
  /** It was the wrong space. */
  takeBack(settlementId: string): Promise<Answer>;
}

export interface Paid {
  readonly settlementId: string;
  /** Of the settlement, or of the problem. */
  readonly answer: { readonly state?: SettlementState; readonly code?: string };
  /** How many different references the phones were told. */
  readonly references: number;
}

const LOOK_EVERY_MS = 250;
const PATIENCE_MS = 90_000;

export function driverOf(payer: Payer, runId: string): Driver {
  const { device } = payer;
  const settlementIds: string[] = [];
  const look = async (settlementId: string): Promise<SettlementView> =>
    (await demand(device, 'GET', `/v1/parking/settlements/${settlementId}`)) as unknown as SettlementView;
  const wait: Driver['wait'] = async (settlementId, what, isThere) => {
    const deadlineMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const view = await look(settlementId);
      if (isThere(view)) return view;
      if (Date.now() > deadlineMs) throw new Error(`it is ${view.state} and not ${what}`);
      await sleep(LOOK_EVERY_MS);
    }
  };
  return {
    payer,
    settlementIds,
    async quote(where, startedAt) {
      const body = startedAt === undefined ? where : { ...where, startedAt };
      return (await demand(device, 'POST', '/v1/parking/quotes', body)) as unknown as Quote;
    },
    async pay({ quoteId }, phones = 1) {
      const settlementId = `${runId}-${settlementIds.length + 1}`;
      settlementIds.push(settlementId);
      const answers = await Promise.all(
        Array.from({ length: phones }, () =>
          ask(device, 'POST', '/v1/parking/settlements', { settlementId, quoteId }),
        ),
      );
      const bodies = answers.map((it) => it.body as Paid['answer'] & { reference?: string });
      const [answer = {}] = bodies;
      if (answer.state === undefined) settlementIds.pop();
      return { settlementId, answer, references: new Set(bodies.map((it) => it.reference)).size };
    },
    look,
    wait,
    until: (settlementId, ...states) =>
      wait(settlementId, states.join(' or '), ({ state }) => states.includes(state)),
    takeBack: (settlementId) => ask(device, 'POST', `/v1/parking/settlements/${settlementId}/cancel`),
  };
}

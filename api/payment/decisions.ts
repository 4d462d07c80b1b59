import type { PaymentOutcome } from '../../workflows/payment/contract.ts';

/** Which request is meant: a repeat of it is another attempt. */
export interface Attempt {
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly attemptId: string;
}

export type Told =
  | { readonly kind: 'decided'; readonly outcome: PaymentOutcome }
  /** Its step in this process ended without a decision; the workflow goes on. */
  | { readonly kind: 'undecided' }
  /** Nothing was told in time. */
  | { readonly kind: 'late' };

/**
 * Hands decisions over inside one process, from the payment activity that has just committed one to the request that waits
 * for it. Nothing depends on it: what is not told here is asked of Temporal and of Postgres.
 */
export interface Decisions {
  /**
   * Starts, and waits for what is told about `attempt`, until `untilMs` (milliseconds since 1970) at the latest. The attempt is
   * remembered from before the start until this call ends, however it ends: as many as requests are being served.
   *
   * @param start says whether the attempt is decided in this process
   * @returns undefined if it is not
   * @throws what `start` throws
   */
  await(attempt: Attempt, untilMs: number, start: () => Promise<boolean>): Promise<Told | undefined>;
  /** Tells of a decision, or that there is none (undefined). Nobody may be waiting. */
  readonly tell: (attempt: Attempt, outcome: PaymentOutcome | undefined) => void;
  /** How many are waited for now. */
  readonly count: () => number;
  /** How many calls ended how, since the process began; `elsewhere`: `start` said that it is not decided here. */
  readonly tally: () => Readonly<Record<Told['kind'] | 'elsewhere', number>>;
}

export function createDecisions(): Decisions {
  const waiting = new Map<string, (told: Told) => void>();
  const tally = { decided: 0, undecided: 0, late: 0, elsewhere: 0 };
  return {
    async await(attempt, untilMs, start) {
      const key = keyOf(attempt);
      let timer: NodeJS.Timeout | undefined;
      const told = new Promise<Told>((resolve) => {
        waiting.set(key, resolve);
        timer = setTimeout(resolve, untilMs - Date.now(), { kind: 'late' });
      });
      try {
        // The decision may be there before the server's answer to the start.
        const end = await Promise.race([told, start().then((isHere) => (isHere ? told : undefined))]);
        tally[end?.kind ?? 'elsewhere'] += 1;
        return end;
      } finally {
        clearTimeout(timer);
        waiting.delete(key);
      }
    },
    tell(attempt, outcome) {
      const isDecided = outcome !== undefined && outcome.view.status !== 'IN_PROGRESS';
      waiting.get(keyOf(attempt))?.(isDecided ? { kind: 'decided', outcome } : { kind: 'undecided' });
    },
    count: () => waiting.size,
    tally: () => ({ ...tally }),
  };
}

/** Attempt ids are unique by themselves; the payment's id keeps a wrong one from being believed. */
function keyOf({ merchantId, merchantPaymentId, attemptId }: Attempt): string {
  return JSON.stringify([merchantId, merchantPaymentId, attemptId]);
}

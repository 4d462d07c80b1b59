/** Which request is meant: a repeat of it is another attempt. */
export interface Attempt {
  /** The workflow that decides. */
  readonly workflowId: string;
  readonly attemptId: string;
}

export type Told<Outcome> =
  | { readonly kind: 'decided'; readonly outcome: Outcome }
  /** Its step in this process ended without a decision; the workflow goes on. */
  | { readonly kind: 'undecided' }
  /** Nothing was told in time. */
  | { readonly kind: 'late' };

/**
 * Hands decisions over inside one process, from the activity that has just committed one to the request that waits for it.
 * Nothing depends on it: what is not told here is asked of Temporal and of Postgres.
 */
export interface Decisions {
  /**
   * Starts, and waits for what is told about `attempt`, until `untilMs` (milliseconds since 1970) at the latest. The attempt is
   * remembered from before the start until this call ends, however it ends: as many as requests are being served.
   *
   * @typeParam Outcome what the activities of that workflow tell
   * @param start says whether the attempt is decided in this process
   * @returns undefined if it is not
   * @throws what `start` throws
   */
  await<Outcome>(
    attempt: Attempt,
    untilMs: number,
    start: () => Promise<boolean>,
  ): Promise<Told<Outcome> | undefined>;
  /** Tells of a decision, or that there is none (undefined). Nobody may be waiting. */
  readonly tell: (attempt: Attempt, outcome: object | undefined) => void;
  /** How many are waited for now. */
  readonly count: () => number;
  /** How many calls ended how, since the process began; `elsewhere`: `start` said that it is not decided here. */
  readonly tally: () => Readonly<Record<Told<unknown>['kind'] | 'elsewhere', number>>;
}

export function createDecisions(): Decisions {
  const waiting = new Map<string, (told: Told<unknown>) => void>();
  const tally = { decided: 0, undecided: 0, late: 0, elsewhere: 0 };
  return {
    async await<Outcome>(
      attempt: Attempt,
      untilMs: number,
      start: () => Promise<boolean>,
    ): Promise<Told<Outcome> | undefined> {
      const key = keyOf(attempt);
      let timer: NodeJS.Timeout | undefined;
      const told = new Promise<Told<unknown>>((resolve) => {
        waiting.set(key, resolve);
        timer = setTimeout(resolve, untilMs - Date.now(), { kind: 'late' });
      });
      try {
        // The decision may be there before the server's answer to the start.
        const end = await Promise.race([told, start().then((isHere) => (isHere ? told : undefined))]);
        tally[end?.kind ?? 'elsewhere'] += 1;
        return end as Told<Outcome> | undefined;
      } finally {
        clearTimeout(timer);
        waiting.delete(key);
      }
    },
    tell(attempt, outcome) {
      waiting.get(keyOf(attempt))?.(
        outcome === undefined ? { kind: 'undecided' } : { kind: 'decided', outcome },
      );
    },
    count: () => waiting.size,
    tally: () => ({ ...tally }),
  };
}

/** Attempt ids are unique by themselves; the workflow's id keeps a wrong one from being believed. */
function keyOf({ workflowId, attemptId }: Attempt): string {
  return JSON.stringify([workflowId, attemptId]);
}

/** When an operator's server that gave no answer is asked again. */
export interface TellRetry {
  /** After the first tries, in milliseconds. */
  readonly firstMs: readonly number[];
  /** After those: so often, as long as less than `untilMs` has passed since the first try. */
  readonly then: readonly { readonly untilMs: number; readonly everyMs: number }[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** In seconds while a driver stands at the gate; for three days, so that the operator's books agree in the end. */
export const TELL_RETRY: TellRetry = {
  firstMs: [500, 1_000, 2_000, 4_000, 8_000],
  then: [
    { untilMs: 10 * MINUTE_MS, everyMs: 15_000 },
    { untilMs: HOUR_MS, everyMs: MINUTE_MS },
    { untilMs: 72 * HOUR_MS, everyMs: HOUR_MS },
  ],
};

/**
 * @param triesDone at least 1
 * @returns milliseconds until the next try; undefined when there is none
 */
export function tellAgainMs(
  retry: TellRetry,
  { triesDone, sinceFirstMs }: { readonly triesDone: number; readonly sinceFirstMs: number },
): number | undefined {
  return retry.firstMs[triesDone - 1] ?? retry.then.find(({ untilMs }) => sinceFirstMs < untilMs)?.everyMs;
}

/** Percentiles of a set of durations. */
export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * The value that `percent` of all values do not exceed (nearest rank), so it is always one that was measured.
 * @returns undefined if there are no values
 */
export function percentile(values: readonly number[], percent: number): number | undefined {
  if (percent < 0 || percent > 100) throw new RangeError('a percentile lies between 0 and 100');
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/** Percentiles in milliseconds, to a tenth; all zero if nothing was measured. */
export function latencies(valuesMs: readonly number[]): Latencies {
  const at = (percent: number): number => Math.round((percentile(valuesMs, percent) ?? 0) * 10) / 10;
  return { count: valuesMs.length, p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), maxMs: at(100) };
}

/** One line for people. */
export function describeLatencies(it: Latencies): string {
  return `p50 ${it.p50Ms} ms, p90 ${it.p90Ms} ms, p99 ${it.p99Ms} ms, max ${it.maxMs} ms`;
}

/** How often something happened in a time, to a tenth. */
export function perSecond(count: number, elapsedMs: number): number {
  return elapsedMs <= 0 ? 0 : Math.round((count / elapsedMs) * 10_000) / 10;
}

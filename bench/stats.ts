/** What one block of calls gave: a latency each, and the time from the first call to the last answer. */
export interface Block {
  readonly latenciesMs: readonly number[];
  readonly elapsedMs: number;
}

export interface Summary {
  /** Median over the rounds of each round's median. */
  readonly p50Ms: number;
  /** Of all calls of all rounds together: one round alone has too few for a 99th percentile. */
  readonly p99Ms: number;
  /** Answers a second, median over the rounds. */
  readonly ratePerSecond: number;
  readonly calls: number;
  /** p50 and rate as multiples of the reference case's, compared round by round. */
  readonly p50Ratio: number;
  readonly rateRatio: number;
}

/**
 * The nearest-rank percentile: the smallest value that at least `percent` of all values do not exceed.
 * @throws for no values: a figure nobody measured must not be printed as zero
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  const value = sorted[rank - 1];
  if (value === undefined) throw new RangeError('no values to take a percentile of');
  return value;
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('no values to take the median of');
  return (lower + upper) / 2;
}

export function p50Of(block: Block): number {
  return median(block.latenciesMs);
}

export function rateOf(block: Block): number {
  return (block.latenciesMs.length * 1000) / block.elapsedMs;
}

export function p50Ratio(left: Block, right: Block): number {
  return p50Of(left) / p50Of(right);
}

export function rateRatio(left: Block, right: Block): number {
  return rateOf(left) / rateOf(right);
}

/** One case over its rounds, and beside the reference case, which ran in the same rounds. */
export function summarise(rounds: readonly Block[], reference: readonly Block[]): Summary {
  const all = rounds.flatMap((block) => block.latenciesMs);
  return {
    p50Ms: median(rounds.map(p50Of)),
    p99Ms: percentile(all, 99),
    ratePerSecond: median(rounds.map(rateOf)),
    calls: all.length,
    p50Ratio: compareRounds(rounds, reference, p50Ratio),
    rateRatio: compareRounds(rounds, reference, rateRatio),
  };
}

/**
 * Compares two cases round by round and takes the median: blocks of one round ran next to each other, so what the
 * machine did meanwhile touches both and cancels out, which the quotient of two overall medians would keep.
 */
export function compareRounds(
  left: readonly Block[],
  right: readonly Block[],
  compare: (left: Block, right: Block) => number,
): number {
  return median(
    left.map((block, round) => {
      const other = right[round];
      if (other === undefined) throw new RangeError(`round ${round} has nothing to compare with`);
      return compare(block, other);
    }),
  );
}

/** All cases of one level; the first name is the reference. */
export function summariseLevel<Name extends string>(
  inFlight: number,
  blocks: Readonly<Record<Name, readonly Block[]>>,
  reference: Name,
): LevelSummary {
  const names = Object.keys(blocks) as Name[];
  const cases = names.map((name) => [name, summarise(blocks[name], blocks[reference])] as const);
  return { inFlight, reference, cases: Object.fromEntries(cases) };
}

export interface LevelSummary {
  readonly inFlight: number;
  /** The case that `p50Ratio` and `rateRatio` are multiples of. */
  readonly reference: string;
  readonly cases: Readonly<Record<string, Summary>>;
}

/** A figure that must not be above, or not below, a bound. */
export interface Verdict {
  readonly name: string;
  readonly value: number;
  readonly bound: number;
  readonly rule: 'at most' | 'at least';
  readonly unit: '' | 'ms' | 'events';
  readonly holds: boolean;
}

export function verdict(it: Omit<Verdict, 'holds'>): Verdict {
  const holds = it.rule === 'at most' ? it.value <= it.bound : it.value >= it.bound;
  return { ...it, holds };
}

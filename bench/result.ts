import type { CaseName } from './cases.ts';
import type { SetUp } from './machine.ts';
import type { LevelSummary, Verdict } from './stats.ts';

/** Least and most events in the histories of one case. */
export type EventCounts = Readonly<Record<CaseName, { readonly least: number; readonly most: number }>>;

/** What a bench prints and writes as JSON. */
export interface BenchResult {
  readonly setUp: SetUp;
  readonly rounds: number;
  readonly levels: readonly LevelSummary[];
  /** Only where workflows were measured. */
  readonly events?: EventCounts;
  /** p50 of an offline payment as a multiple of an online one's, one at a time; only where payments were measured. */
  readonly offlineToOnline?: number;
  readonly verdicts: readonly Verdict[];
}

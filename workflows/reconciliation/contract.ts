import { defineSignal } from '@temporalio/workflow';
import type { BreakClass } from '../../domain/reconciliation/compare.ts';

/** Without days it is the nightly run: the days before its start, as far back as something can still arrive. */
export interface ReconciliationInput {
  /** `YYYY-MM-DD`, each merchant's own. Named days are compared whether or not there is news of them. */
  readonly days?: { readonly from: string; readonly to: string };
  /** One merchant instead of all. */
  readonly merchantId?: string;
}

export interface ReconciliationResult {
  readonly from: string;
  readonly to: string;
  readonly merchants: number;
  /** How many days of merchants were compared; days that are not over are not. */
  readonly days: number;
  /** Breaks found first, or again after they had gone, by this run. */
  readonly opened: number;
  /** Breaks that had gone. */
  readonly resolved: number;
  /** Breaks of these days that are open at the end, by class. */
  readonly open: Partial<Record<BreakClass, number>>;
}

/** What is compared has changed: compare once more before you end. */
export const booksChanged = defineSignal('booksChanged');

/** The run of a day for all merchants, or for one whose file came later. The nightly run's id has its time instead. */
export function reconciliationWorkflowId(day: string, merchantId?: string): string {
  return merchantId === undefined ? `reconciliation:${day}` : `reconciliation:${day}:${merchantId}`;
}

import type { Trouble } from './http.ts';
import { describeProof, type Proof } from './proof.ts';
import { describeIssuer, type IssuerProof } from './scenes/issuer.ts';
import { describeLatencies, perSecond, type Latencies } from './stats.ts';
import { renderTable } from './table.ts';
import { describeTrouble } from './verdict.ts';

export interface Outcome {
  readonly outcome: string;
  readonly expected: number;
  readonly got: number;
}

export interface DayRun {
  readonly runId: string;
  readonly tills: number;
  readonly payers: number;
  readonly payments: number;
  readonly outcomes: readonly Outcome[];
  /** What was played beside the day. */
  readonly scenes: readonly Outcome[];
  readonly scenePayments: number;
  readonly skipped: readonly string[];
  readonly issuer: IssuerProof | undefined;
  readonly elapsedMs: number;
  readonly latencies: Latencies;
  readonly trouble: Trouble;
  readonly webhooks: { expected: number; came: number; repeats: number; failedOnPurpose: number };
  readonly stream: { expected: number; heard: number; reconnects: number };
  readonly faults: readonly string[];
}

export interface DayResult extends DayRun {
  readonly kind: 'day';
  readonly ok: boolean;
  readonly paymentsPerSecond: number;
  readonly ledger: Proof['ledger'];
}

/** Prints what came of a day and gives it as data. */
export function reportDay(run: DayRun, proof: Proof): DayResult {
  const paymentsPerSecond = perSecond(run.payments, run.elapsedMs);
  const { webhooks, stream } = run;
  const ofDay = run.outcomes.toSorted(
    (a, b) => rank(a.outcome) - rank(b.outcome) || (a.outcome < b.outcome ? -1 : 1),
  );
  const ofScenes = run.scenes.toSorted((a, b) => (a.outcome < b.outcome ? -1 : 1));
  const rows = [...ofDay, ...ofScenes].map((it) => [
    it.outcome,
    it.expected,
    it.got,
    it.expected === it.got ? '' : '<- differs',
  ]);
  console.log(`\n${renderTable(['outcome', 'expected', 'got', ''], rows)}\n`);
  console.log(
    `  ${run.payments} payments at ${run.tills} tills in ${(run.elapsedMs / 1000).toFixed(1)} s: ${paymentsPerSecond} payments/s`,
  );
  console.log(`  as the tills saw it: ${describeLatencies(run.latencies)}`);
  console.log(`  and ${run.scenePayments} payments offline, on credit, given back or refused beside them`);
  for (const it of run.skipped) console.log(`  skipped: ${it}`);
  console.log(`  ${describeTrouble(run.trouble)}`);
  console.log(
    `  webhooks: ${webhooks.came} of ${webhooks.expected} events came, signatures verified; ${webhooks.repeats} repeats, ` +
      `${webhooks.failedOnPurpose} of them failed on purpose before`,
  );
  console.log(
    `  device events: one phone heard ${stream.heard} of ${stream.expected}` +
      (stream.reconnects > 0 ? `, ${stream.reconnects} reconnects` : ''),
  );
  console.log(describeProof(proof));
  if (run.issuer !== undefined) console.log(describeIssuer(run.issuer));
  return { kind: 'day', ok: run.faults.length === 0, ...run, paymentsPerSecond, ledger: proof.ledger };
}

/** Payments first, then what was asked about them. */
function rank(outcome: string): number {
  if (outcome === 'COMPLETED') return 0;
  return outcome.startsWith('DECLINED') ? 1 : 2;
}

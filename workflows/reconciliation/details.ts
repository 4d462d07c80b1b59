import { BREAK_CLASSES } from '../../domain/reconciliation/compare.ts';
import type { ReconciliationResult } from './contract.ts';

/** What Temporal Web UI shows of a run, as markdown. */
export function reconciliationDetails(it: ReconciliationResult): string {
  const total = BREAK_CLASSES.reduce((sum, name) => sum + (it.open[name] ?? 0), 0);
  const lines = BREAK_CLASSES.map((name) => `| ${name} | ${it.open[name] ?? 0} |`);
  return `### ${it.from} to ${it.to}: **${total === 0 ? 'no open breaks' : `${total} open breaks`}**

| class | open |
|---|---|
${lines.join('\n')}

${it.days} days of ${it.merchants} merchants compared, ${it.opened} breaks opened, ${it.resolved} resolved as they had gone.
Each with its reason: \`GET /v1/reconciliation-breaks?open=true\` (docs/reconciliation.md).`;
}

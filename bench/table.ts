import type { SetUp } from './machine.ts';
import type { Verdict } from './stats.ts';

/** Columns padded to their widest cell; the first to the left, figures to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** Three significant digits are more than such a machine can promise. */
export function figure(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function setUpTable(setUp: SetUp): string {
  return table(Object.entries(setUp).map(([name, value]) => [name, value])).replace(/ {4,}/g, '   ');
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((it) => {
    const unit = it.unit === '' ? '' : ` ${it.unit}`;
    const digits = it.unit === 'events' ? String(it.value) : it.value.toFixed(2);
    return [it.holds ? 'holds ' : 'BROKEN', `${digits}${unit}`, `${it.rule} ${it.bound}${unit}`, it.name];
  });
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map(([state = '', value = '', bound = '', name = '']) =>
      [state, value.padStart(widths[1] ?? 0), bound.padEnd(widths[2] ?? 0), name].join('   '),
    )
    .join('\n');
}

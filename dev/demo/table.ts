export type Cell = string | number;

/**
 * A table for a terminal: numbers to the right with grouped digits, text to the left, columns as wide as their widest cell.
 * A row may be shorter than the head.
 */
export function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const body = rows.map((row) => head.map((_, column) => text(row[column] ?? '')));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...body.map((row) => row[column]?.length ?? 0)),
  );
  const isNumeric = head.map((_, column) => {
    const cells = rows.map((row) => row[column]).filter((cell) => cell !== undefined && cell !== '');
    return cells.length > 0 && cells.every((cell) => typeof cell === 'number');
  });
  const line = (cells: readonly string[]): string =>
    `  ${cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumeric[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd()}`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function text(cell: Cell): string {
  return typeof cell === 'number' ? groupDigits(cell) : cell;
}

/** `1234567.5` to `1,234,567.5`, whatever the locale of the machine. */
export function groupDigits(value: number): string {
  const [whole = '', fraction] = String(value).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

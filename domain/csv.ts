/** What a cell holds: text, which is guarded, or a number; nothing is an empty cell. */
export type CsvCell = string | number | null | undefined;

/**
 * One line of CSV with its line end (RFC 4180: CRLF, cells with comma, quote or line break quoted).
 *
 * A text that a spreadsheet would take for a formula (it begins with = + - @, tab or carriage return) gets an apostrophe
 * in front (OWASP, CSV injection). Numbers are written as they are, so a negative amount stays a number.
 */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(writeCell).join(',')}\r\n`;
}

function writeCell(cell: CsvCell): string {
  if (cell === undefined || cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A text as it was before `csvLine` guarded it. */
export function unguarded(cell: string): string {
  return /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

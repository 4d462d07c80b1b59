import bwipjs from 'bwip-js/node';

/** What a sheet says of a place. */
export interface SheetPlace {
  readonly name: string;
  readonly siteCode: string;
}

/** A4 in millimetres; two codes side by side, three rows. */
const PAGE = { width: 210, height: 297, margin: 15, columns: 2, rows: 3 } as const;
const CELL = {
  width: (PAGE.width - 2 * PAGE.margin) / PAGE.columns,
  height: (PAGE.height - 2 * PAGE.margin) / PAGE.rows,
} as const;
const QR_MM = 55;
const NAME_MAX = 24;

/**
 * Pages of QR codes to print, cut out and put up, as SVG in millimetres.
 * @param link put in front of each code, so that a phone's camera opens it; empty for the code alone
 */
export function qrSheets(places: readonly SheetPlace[], link: string): string[] {
  const perPage = PAGE.columns * PAGE.rows;
  const pages = Math.ceil(places.length / perPage);
  return Array.from({ length: pages }, (_, i) => page(places.slice(i * perPage, (i + 1) * perPage), link));
}

function page(places: readonly SheetPlace[], link: string): string {
  const { width, height } = PAGE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}mm" height="${height}mm" viewBox="0 0 ${width} ${height}">`,
    ...places.map((place, i) => cell(place, i, link)),
    '</svg>\n',
  ].join('\n');
}

function cell({ name, siteCode }: SheetPlace, index: number, link: string): string {
  const left = PAGE.margin + (index % PAGE.columns) * CELL.width;
  const top = PAGE.margin + Math.floor(index / PAGE.columns) * CELL.height;
  const middle = left + CELL.width / 2;
  // Error correction M: the sign hangs outside. The quiet zone is the white around it, four modules and more.
  const options = { bcid: 'qrcode', text: link + siteCode, eclevel: 'M', scale: 1 };
  const qr = bwipjs
    .toSVG(options)
    .replace('<svg ', `<svg x="${middle - QR_MM / 2}" y="${top + 12}" width="${QR_MM}" height="${QR_MM}" `);
  const short = name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name;
  const words = (y: number, size: number, font: string, text: string): string =>
    `<text x="${middle}" y="${y}" font-size="${size}" font-family="${font}" text-anchor="middle">${escapeXml(text)}</text>`;
  return [
    `<rect x="${left}" y="${top}" width="${CELL.width}" height="${CELL.height}" fill="none" stroke="#bbb" stroke-width="0.2" stroke-dasharray="2"/>`,
    words(top + 9, 5, 'sans-serif', short),
    qr.trim(),
    words(top + 12 + QR_MM + 9, 7, 'monospace', siteCode),
  ].join('\n');
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

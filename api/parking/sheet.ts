import bwipjs from 'bwip-js/node';
import {
  CELL,
  DOWN,
  FONT_SIZE,
  layOut,
  PAGE,
  QR_MM,
  qrOptions,
  type SheetCell,
  type SheetPlace,
} from './sheet-layout.ts';

/**
 * Pages of QR codes to print, cut out and put up, as SVG in millimetres.
 * @param link put in front of each code, so that a phone's camera opens it; empty for the code alone
 */
export function qrSheets(places: readonly SheetPlace[], link: string): string[] {
  const { width, height } = PAGE;
  return layOut(places).map((cells) =>
    [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}mm" height="${height}mm" viewBox="0 0 ${width} ${height}">`,
      ...cells.map((it) => draw(it, link)),
      '</svg>\n',
    ].join('\n'),
  );
}

function draw({ name, siteCode, left, top, middle }: SheetCell, link: string): string {
  // The quiet zone is the white around it, four modules and more.
  const qr = bwipjs
    .toSVG(qrOptions(link, siteCode))
    .replace(
      '<svg ',
      `<svg x="${middle - QR_MM / 2}" y="${top + DOWN.qr}" width="${QR_MM}" height="${QR_MM}" `,
    );
  const words = (y: number, size: number, font: string, text: string): string =>
    `<text x="${middle}" y="${y}" font-size="${size}" font-family="${font}" text-anchor="middle">${escapeXml(text)}</text>`;
  return [
    `<rect x="${left}" y="${top}" width="${CELL.width}" height="${CELL.height}" fill="none" stroke="#bbb" stroke-width="0.2" stroke-dasharray="2"/>`,
    words(top + DOWN.name, FONT_SIZE.name, 'sans-serif', name),
    qr.trim(),
    words(top + DOWN.siteCode, FONT_SIZE.siteCode, 'monospace', siteCode),
  ].join('\n');
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

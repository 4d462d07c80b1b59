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

const POINTS_PER_MM = 72 / 25.4;
/** Widths in parts of the size: of Courier, and in the Japanese font of Latin letters (as we say it) and of all others. */
const WIDTH = { code: 0.6, latin: 0.5, other: 1 } as const;

/** Objects before those of the pages: catalogue, pages, the two fonts and what the second one is made of. */
const FIRST_PAGE = 6;
const FONTS = [
  '<< /Type /Font /Subtype /Type1 /BaseFont /Courier-Bold >>',
  '<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiKakuGo-W5 /Encoding /UniJIS-UTF16-H /DescendantFonts [5 0 R] >>',
  '<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiKakuGo-W5 ' +
    '/CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /DW 1000 /W [1 94 500] ' +
    '/FontDescriptor << /Type /FontDescriptor /FontName /HeiseiKakuGo-W5 /Flags 4 /FontBBox [-92 -250 1010 922] ' +
    '/ItalicAngle 0 /Ascent 752 /Descent -221 /CapHeight 737 /StemV 114 >> >>',
];

/**
 * The pages of {@link qrSheets} as one PDF (ISO 32000-1). Codes are rectangles and no font is in it: names are set in a Japanese font
 * that readers have or replace (§9.7.5.2, predefined CMaps), site codes in Courier.
 * @param link put in front of each code; empty for the code alone
 */
export function qrSheetPdf(places: readonly SheetPlace[], link: string): Buffer {
  const pages = layOut(places).map((cells) => cells.map((it) => draw(it, link)).join('\n'));
  const idOf = (page: number): number => FIRST_PAGE + 2 * page;
  const kids = pages.map((_, page) => `${idOf(page)} 0 R`).join(' ');
  const size = `${points(PAGE.width)} ${points(PAGE.height)}`;
  return assemble([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    ...FONTS,
    ...pages.flatMap((content, page) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${size}] /Contents ${idOf(page) + 1} 0 R ` +
        '/Resources << /Font << /Code 3 0 R /Name 4 0 R >> >> >>',
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    ]),
  ]);
}

/** Cutting lines, name, code and site code. */
function draw({ name, siteCode, left, top, middle }: SheetCell, link: string): string {
  const [codeSize, nameSize] = [FONT_SIZE.siteCode, FONT_SIZE.name];
  return [
    `0.7 G 0.5 w [6] 0 d ${box(left, top, CELL.width, CELL.height)} S`,
    drawQr(link + siteCode, middle - QR_MM / 2, top + DOWN.qr),
    // Site codes are ids: letters, digits, . _ -
    text(
      'Code',
      codeSize,
      middle - (siteCode.length * WIDTH.code * codeSize) / 2,
      top + DOWN.siteCode,
      `(${siteCode})`,
    ),
    text('Name', nameSize, middle - (widthOf(name) * nameSize) / 2, top + DOWN.name, `<${utf16(name)}>`),
  ].join('\n');
}

function drawQr(content: string, left: number, top: number): string {
  const [matrix] = bwipjs.raw(qrOptions('', content));
  if (matrix === undefined || !('pixs' in matrix)) throw new Error('a QR code has no matrix');
  const side = QR_MM / matrix.pixx;
  const squares = matrix.pixs.flatMap((dark, i) => {
    const [x, y] = [i % matrix.pixx, Math.floor(i / matrix.pixx)];
    return dark === 1 ? [box(left + x * side, top + y * side, side, side)] : [];
  });
  return `0 g\n${squares.join('\n')}\nf`;
}

function text(font: string, sizeMm: number, left: number, baseline: number, shown: string): string {
  return `BT 0 g /${font} ${points(sizeMm)} Tf ${points(left)} ${points(PAGE.height - baseline)} Td ${shown} Tj ET`;
}

/** A rectangle by its upper left corner: pages of PDF have their zero at the lower left. */
function box(left: number, top: number, width: number, height: number): string {
  return `${points(left)} ${points(PAGE.height - top - height)} ${points(width)} ${points(height)} re`;
}

function widthOf(name: string): number {
  return Array.from(name).reduce<number>(
    (sum, it) => sum + (/^[ -~]$/.test(it) ? WIDTH.latin : WIDTH.other),
    0,
  );
}

function utf16(name: string): string {
  return Buffer.from(name, 'utf16le').swap16().toString('hex');
}

function points(mm: number): string {
  return (mm * POINTS_PER_MM).toFixed(3);
}

/** Objects numbered from 1, with the table that says where each begins. All of it is ASCII. */
function assemble(objects: readonly string[]): Buffer {
  let file = '%PDF-1.5\n';
  const offsets = objects.map((content, i) => {
    const at = file.length;
    file += `${i + 1} 0 obj\n${content}\nendobj\n`;
    return `${String(at).padStart(10, '0')} 00000 n \n`;
  });
  const table = file.length;
  const count = objects.length + 1;
  file += `xref\n0 ${count}\n0000000000 65535 f \n${offsets.join('')}trailer\n<< /Size ${count} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`;
  return Buffer.from(file, 'ascii');
}

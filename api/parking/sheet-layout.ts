/** What a sheet says of a place. */
export interface SheetPlace {
  readonly name: string;
  readonly siteCode: string;
}

/** A4 in millimetres; two codes side by side, three rows. */
export const PAGE = { width: 210, height: 297, margin: 15, columns: 2, rows: 3 } as const;
export const CELL = {
  width: (PAGE.width - 2 * PAGE.margin) / PAGE.columns,
  height: (PAGE.height - 2 * PAGE.margin) / PAGE.rows,
} as const;
export const QR_MM = 55;
/** From the top of a cell: where the name stands, the code begins, and the site code stands. */
export const DOWN = { name: 9, qr: 12, siteCode: 12 + QR_MM + 9 } as const;
/** Millimetres. */
export const FONT_SIZE = { name: 5, siteCode: 7 } as const;
const NAME_MAX = 24;

/** A place on its page: millimetres from the top left corner. */
export interface SheetCell {
  readonly name: string;
  readonly siteCode: string;
  readonly left: number;
  readonly top: number;
  readonly middle: number;
}

/** The pages, each with its cells. */
export function layOut(places: readonly SheetPlace[]): SheetCell[][] {
  const perPage = PAGE.columns * PAGE.rows;
  return Array.from({ length: Math.ceil(places.length / perPage) }, (_, page) =>
    places.slice(page * perPage, (page + 1) * perPage).map(({ name, siteCode }, index) => {
      const left = PAGE.margin + (index % PAGE.columns) * CELL.width;
      const top = PAGE.margin + Math.floor(index / PAGE.columns) * CELL.height;
      const letters = Array.from(name);
      const short = letters.length > NAME_MAX ? `${letters.slice(0, NAME_MAX - 1).join('')}…` : name;
      return { name: short, siteCode, left, top, middle: left + CELL.width / 2 };
    }),
  );
}

/** What a code holds. Error correction M: the sign hangs outside. */
export function qrOptions(link: string, siteCode: string) {
  return { bcid: 'qrcode', text: link + siteCode, eclevel: 'M', scale: 1 };
}

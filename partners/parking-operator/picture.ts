import type { Place } from './places.ts';
import type { SpaceView } from './views.ts';

const CELL = { width: 92, height: 124, perRow: 12 };
const MARGIN = 16;
const TITLE_HEIGHT = 40;

/** How each state looks; the words say it as well as the colours. */
const LOOKS = {
  FREE: { label: 'free', ground: '#f1f3f5', flap: '#ced4da', isUp: false },
  OCCUPIED: { label: 'to be paid', ground: '#ffe3e3', flap: '#c92a2a', isUp: true },
  PAID: { label: 'paid', ground: '#d0ebff', flap: '#1864ab', isUp: true },
  OPEN: { label: 'open', ground: '#d3f9d8', flap: '#2b8a3e', isUp: false },
  RELOCKED: { label: 're-locked', ground: '#fff3bf', flap: '#e67700', isUp: true },
} as const satisfies Record<SpaceView['state'], object>;

/** The places with their spaces as an SVG image. It names no ticket and no plate. */
export function drawSpaces(places: readonly Place[], spaces: readonly SpaceView[], at: Date): string {
  let y = MARGIN;
  const parts = places.map((place) => {
    const here = spaces.filter((it) => it.placeId === place.placeId);
    const top = y;
    const rows = Math.max(Math.ceil(here.length / CELL.perRow), 1);
    y += TITLE_HEIGHT + rows * CELL.height;
    const cells = here.map((it, i) => {
      const x = MARGIN + (i % CELL.perRow) * CELL.width;
      return drawSpace(it, x, top + TITLE_HEIGHT + Math.floor(i / CELL.perRow) * CELL.height, at);
    });
    return text(MARGIN, top + 24, 20, escape(place.name)) + cells.join('');
  });
  const width = 2 * MARGIN + CELL.perRow * CELL.width;
  const height = y + MARGIN;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="Spaces" font-family="sans-serif">${parts.join('')}</svg>`
  );
}

function drawSpace(it: SpaceView, x: number, y: number, at: Date): string {
  const { label, ground, flap, isUp } = LOOKS[it.state];
  const inner = CELL.width - 8;
  const minutes =
    it.startedAt === null ? undefined : Math.floor((at.getTime() - it.startedAt.getTime()) / 60_000);
  return [
    `<g><title>${escape(it.space ?? 'ticket')}: ${label}</title>`,
    `<rect x="${x}" y="${y}" width="${inner}" height="${CELL.height - 12}" rx="6" fill="${ground}" stroke="#868e96"/>`,
    text(x + 8, y + 20, 16, escape(it.space ?? 'ticket')),
    it.state === 'FREE' ? '' : drawCar(x + inner / 2, y + 50),
    // A flap that is up stands before the wheels; one that is down lies flat.
    isUp
      ? `<path d="M${x + 12} ${y + 84} l12 -14 h${inner - 48} l12 14 z" fill="${flap}"/>`
      : `<rect x="${x + 12}" y="${y + 80}" width="${inner - 24}" height="4" fill="${flap}"/>`,
    text(x + 8, y + 98, 12, label),
    minutes === undefined
      ? ''
      : text(x + 8, y + 110, 10, `${Math.floor(minutes / 60)} h ${minutes % 60} min`),
    '</g>',
  ].join('');
}

/** From the front. */
function drawCar(x: number, y: number): string {
  return (
    `<path d="M${x - 26} ${y + 18} v-14 l8 -4 l6 -14 h24 l6 14 l8 4 v14 z" fill="#495057"/>` +
    `<path d="M${x - 15} ${y - 1} l4 -10 h22 l4 10 z" fill="#dee2e6"/>` +
    `<rect x="${x - 24}" y="${y + 18}" width="9" height="7" fill="#212529"/><rect x="${x + 15}" y="${y + 18}" width="9" height="7" fill="#212529"/>` +
    `<circle cx="${x - 18}" cy="${y + 9}" r="4" fill="#ffec99"/><circle cx="${x + 18}" cy="${y + 9}" r="4" fill="#ffec99"/>`
  );
}

const text = (x: number, y: number, size: number, content: string): string =>
  `<text x="${x}" y="${y}" font-size="${size}" fill="#212529">${content}</text>`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (it: string): string => it.replaceAll(/[&<>"]/g, (found) => ENTITIES[found] ?? found);

/** The page: the picture as it is, and again with each change. */
export function drawPage(svg: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parking</title>
<link rel="icon" href="data:,">
<style>body { margin: 1rem auto; max-width: 1150px; font-family: sans-serif } svg { width: 100%; height: auto }</style>
<h1>Parking</h1>
<div id="spaces">${svg}</div>
<script>
  new EventSource('/changes').onmessage = ({ data }) => {
    document.getElementById('spaces').innerHTML = JSON.parse(data);
  };
</script>
`;
}
